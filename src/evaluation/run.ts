import type { AnswerScore, EvalQuestion } from '../contracts/evaluations.js';
import { type Ask, ask } from './gateway.js';
import { type Figures, scoreAnswer, summarize } from './score.js';

export interface Tenant {
  readonly name: string;
  readonly key: string;
  readonly baseModel: string;
  /** The version that is judged, pinned: `assistant@2`. */
  readonly adapterModel: string;
}

export type Mode = 'base' | 'base+retrieval' | 'adapter' | 'adapter+retrieval';
export const MODES: readonly Mode[] = ['base', 'base+retrieval', 'adapter', 'adapter+retrieval'];

export interface Outcome {
  readonly question: EvalQuestion;
  readonly answer: string;
  readonly score: AnswerScore;
}

/** The engine decodes several rows at once for little more than one. */
const CONCURRENCY = 4;

/** Asks all questions in one mode; outcomes are in the order of the questions. */
export async function runMode(
  url: string,
  tenant: Tenant,
  mode: Mode,
  questions: readonly EvalQuestion[],
  overrides: Omit<Ask['retrieval'], 'enabled'>,
): Promise<{ figures: Figures; outcomes: Outcome[] }> {
  const enabled = mode.endsWith('retrieval');
  const model = mode.startsWith('adapter') ? tenant.adapterModel : tenant.baseModel;
  const retrieval = enabled ? { enabled, ...overrides } : { enabled };
  const outcomes: Outcome[] = new Array(questions.length);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < questions.length; index = next++) {
      const question = questions[index]!;
      const answer = await ask(url, tenant.key, { model, question: question.question, retrieval });
      outcomes[index] = { question, answer: answer.text, score: scoreAnswer(question, answer) };
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return {
    figures: summarize(
      outcomes.map(({ score }) => score),
      enabled,
    ),
    outcomes,
  };
}
