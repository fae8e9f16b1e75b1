/** How often the right passage is found, how soon, and how often nothing is found where there is nothing. */
import type { Config } from '../../src/config/schema.js';
import type { EvalQuestion } from '../../src/contracts/evaluations.js';
import type { Retrieval, ScoredPassage, SearchMode } from '../../src/contracts/retrieval.js';
import { sampleVectorsFile } from '../../src/demo/documents.js';
import { DEMO_TENANTS } from '../../src/demo/tenants.js';
import { holdsFact } from '../../src/evaluation/score.js';
import { askedIn } from '../../src/pipeline/retrieve.js';
import {
  addSamples,
  blindQuestionsOf,
  type FollowUp,
  followUpsOf,
  openRetrieval,
  type QuestionKind,
  type QuestionSet,
  questionsOf,
  samplesFolder,
  TENANTS,
} from './samples.js';

const DEEPEST = 10;

interface Asked {
  readonly question: EvalQuestion;
  /** Best first. */
  readonly passages: readonly ScoredPassage[];
  readonly ms: number;
}

export async function measureRecall(config: Config, quick: boolean): Promise<Record<string, number>> {
  const retrieval = await openRetrieval(config, samplesFolder(config), sampleVectorsFile(config.models.embedder));
  try {
    await addSamples(retrieval);
    const askAll = async (tenant: string, questions: readonly FollowUp[], mode: SearchMode) => {
      const asked: Asked[] = [];
      for (const [n, one] of questions.entries()) {
        if (!quick || n % 8 === 0) asked.push(await ask(retrieval, tenant, one, mode));
      }
      return asked;
    };
    const [bank, copilot] = ['northwind-bank', 'copilot'];
    const hybrid = await askAll(copilot, first(copilot, 'eval'), 'hybrid');
    const vector = await askAll(copilot, first(copilot, 'eval'), 'vector');
    const lexical = await askAll(copilot, first(copilot, 'eval'), 'lexical');
    const banking = await askAll(bank, first(bank, 'eval'), 'hybrid');
    const reworded = await askAll(copilot, first(copilot, 'reworded'), 'hybrid');
    const rewordedBanking = await askAll(bank, first(bank, 'reworded'), 'hybrid');
    const followUps = [
      ...(await askAll(copilot, followUpsOf(copilot), 'hybrid')),
      ...(await askAll(bank, followUpsOf(bank), 'hybrid')),
    ];
    const askBlind = async (tenant: string, kind?: QuestionKind) => {
      const some = blindQuestionsOf(tenant).filter((one) => kind === undefined || one.kind === kind);
      return askAll(
        tenant,
        some.map(({ question }) => ({ question, before: [] })),
        'hybrid',
      );
    };
    const [blind, blindBanking] = [await askBlind(copilot), await askBlind(bank)];
    const [paraphrased, paraphrasedBanking] = [
      await askBlind(copilot, 'paraphrased'),
      await askBlind(bank, 'paraphrased'),
    ];
    const times = [...hybrid, ...reworded].map(({ ms }) => ms).sort((a, b) => a - b);
    return {
      recall_at_1_hybrid: recall(hybrid, 1),
      recall_at_3_hybrid: recall(hybrid, 3),
      recall_at_10_hybrid: recall(hybrid, 10),
      recall_at_3_vector: recall(vector, 3),
      recall_at_3_lexical: recall(lexical, 3),
      reworded_at_3: recall(reworded, 3),
      reworded_at_5: recall(reworded, 5),
      bank_at_1: recall(banking, 1),
      bank_at_3: recall(banking, 3),
      bank_reworded_at_3: recall(rewordedBanking, 3),
      bank_reworded_at_5: recall(rewordedBanking, 5),
      follow_up_at_3: recall(followUps, 3),
      follow_up_at_5: recall(followUps, 5),
      ...atThreshold([...hybrid, ...banking]),
      blind_at_3: recall(blind, 3),
      blind_at_10: recall(blind, 10),
      blind_paraphrase_at_5: recall(paraphrased, 5),
      blind_bank_at_1: recall(blindBanking, 1),
      blind_bank_at_3: recall(blindBanking, 3),
      blind_bank_paraphrase_at_5: recall(paraphrasedBanking, 5),
      blind_right_refusals: atThreshold([...blind, ...blindBanking]).right_refusals!,
      blind_lost_to_threshold: atThreshold([...blind, ...blindBanking]).lost_to_threshold!,
      query_ms_p50: times[Math.floor(times.length * 0.5)]!,
      query_ms_p99: times[Math.floor(times.length * 0.99)]!,
    };
  } finally {
    await retrieval.close();
  }
}

/** Questions that nothing was asked before. */
function first(tenant: string, set: QuestionSet): FollowUp[] {
  return questionsOf(tenant, set).map((question) => ({ question, before: [] }));
}

export async function ask(
  retrieval: Retrieval,
  tenant: string,
  { question, before }: FollowUp,
  mode: SearchMode,
): Promise<Asked> {
  const messages = [...before, question.question].map((content) => ({ role: 'user' as const, content }));
  const { question: query, context } = askedIn(messages);
  const request = { tenant, storeIds: [], groups: [], query, context, mode, filter: null, topK: DEEPEST, minScore: 0 };
  const startedAt = performance.now();
  const { passages } = await retrieval.search(request, new AbortController().signal);
  return { question, passages, ms: performance.now() - startedAt };
}

/** Share of the questions with an answer that have a passage that holds it among the first `k`. */
export function recall(asked: readonly Asked[], k: number): number {
  const answerable = asked.filter(({ question }) => question.answerable);
  const found = answerable.filter(({ question, passages }) =>
    passages.slice(0, k).some((passage) => holdsFact(question, passage)),
  );
  return found.length / answerable.length;
}

/** As the demo's deployments search. */
function atThreshold(asked: readonly Asked[]): Record<string, number> {
  const { topK, minScore } = DEMO_TENANTS.find(({ id }) => id === TENANTS[0])!.assistant!.retrieval;
  const isShown = ({ score }: ScoredPassage) => score >= minScore;
  const unanswerable = asked.filter(({ question }) => !question.answerable);
  const found = asked.flatMap(({ question, passages }) => {
    const right = passages.slice(0, topK).find((passage) => holdsFact(question, passage));
    return right ? [right] : [];
  });
  return {
    right_refusals: unanswerable.filter(({ passages }) => !passages.some(isShown)).length / unanswerable.length,
    lost_to_threshold: found.filter((passage) => !isShown(passage)).length / found.length,
  };
}
