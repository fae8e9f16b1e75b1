/**
 * Calls of functions: whether the model asks for the right ones with the right arguments, the base and a tenant's adapter; and
 * whether questions about documents are still answered from them where functions are offered beside retrieval.
 */
import path from 'node:path';
import { readDataset } from '../src/evaluation/dataset.js';
import { sample } from '../src/evaluation/question-lines.js';
import { scoreAnswer } from '../src/evaluation/score.js';
import { type Client, withGateway } from './gateway/client.js';
import type { Bench } from './main.js';
import { functionsOf, isRight, readCases } from './tools/cases.js';
import { isPublicRight, KINDS, readPublicCases } from './tools/public.js';

const BASE = 'qwen2.5-coder-0.5b-instruct';
const ASSISTANT = 'assistant';
const QUESTIONS = { quick: 10, whole: 30 };
/** Of each kind of the public set. */
const PUBLIC = { quick: 5, whole: 20 };
const MAX_TOKENS = 160;

interface Message {
  readonly content: string | null;
  readonly tool_calls?: readonly { readonly function: { readonly name: string; readonly arguments: string } }[];
  readonly context?: { readonly citations: readonly { readonly filepath: string; readonly content: string }[] };
}

const run: Bench = ({ quick, say }) =>
  withGateway(async (bank) => {
    const cases = readCases().slice(0, quick ? 20 : 100);
    const share = async (model: string, tools: object) => {
      const right = new Map<string, boolean[]>();
      for (const one of cases) {
        const ok = isRight(one, await ask(bank, one.ask, { model, tools: functionsOf(one.group), ...tools }));
        right.set(one.kind, [...(right.get(one.kind) ?? []), ok]);
      }
      const kinds = [...right].map(([kind, all]) => `${kind} ${all.filter(Boolean).length}/${all.length}`);
      say(`${model} ${JSON.stringify(tools)}: ${kinds.join(', ')}`);
      return rounded(shareOf([...right.values()].flat()));
    };
    const questions = sample(
      readDataset(path.resolve('indexes/northwind-bank/eval.jsonl')),
      QUESTIONS[quick ? 'quick' : 'whole'],
    );
    const facts = async (tools: object) => {
      const answerable = questions.filter((question) => question.answerable);
      const right: boolean[] = [];
      for (const question of answerable) {
        const { content, context } = await chat(bank, { model: ASSISTANT, ...tools }, question.question);
        const passages = (context?.citations ?? []).map(({ filepath, content: text }) => ({
          filename: filepath,
          text,
        }));
        right.push(scoreAnswer(question, { text: content ?? '', passages }).fact);
      }
      return rounded(shareOf(right));
    };
    return {
      right_calls: await share(BASE, {}),
      right_calls_adapter: await share(ASSISTANT, { retrieval: { enabled: false } }),
      facts_without_tools: await facts({}),
      facts_with_tools: await facts({ tools: functionsOf('bank') }),
      ...(await publicShares(bank, PUBLIC[quick ? 'quick' : 'whole'], say)),
    };
  });
export default run;

/** The base, on questions that neither it nor we chose. */
async function publicShares(
  client: Client,
  most: number,
  say: (line: string) => void,
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const kind of KINDS) {
    const cases = readPublicCases(kind, most);
    if (cases === null) {
      say('The public set cannot be installed here, and is left out.');
      return {};
    }
    const right: boolean[] = [];
    for (const one of cases)
      right.push(isPublicRight(one, await ask(client, one.ask, { model: BASE, tools: one.tools })));
    say(`public, ${kind}: ${right.filter(Boolean).length}/${right.length}`);
    figures[`public_${kind}`] = rounded(shareOf(right));
  }
  return figures;
}

async function ask(client: Client, question: string, body: object) {
  const { tool_calls: calls = [] } = await chat(client, body, question);
  return calls.map(({ function: { name, arguments: args } }) => ({ name, arguments: args }));
}

async function chat(client: Client, body: object, question: string): Promise<Message> {
  const messages = [{ role: 'user', content: question }];
  const response = await client.post('/v1/chat/completions', { messages, max_tokens: MAX_TOKENS, ...body });
  const { choices } = (await response.json()) as { choices: [{ message: Message }] };
  return choices[0].message;
}

function shareOf(all: readonly boolean[]): number {
  return all.filter(Boolean).length / all.length;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
