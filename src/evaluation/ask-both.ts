import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../errors/app-error.js';
import type { AnsweredPair, ComparedAnswer } from './compare.js';
import type { ComparedQuestion } from './questions.js';
import { scoreAnswer } from './score.js';

/** Where a version is found. */
export interface ComparedVersion {
  /** `assistant@3`, or `assistant` for what is stable there. */
  readonly model: string;
  readonly isStable: boolean;
}

export interface AskBothOptions {
  readonly url: string;
  /** Of the tenant, with the scope `inference`; with `route` where a version is quarantined, or stable is asked for. */
  readonly key: string;
  readonly from: ComparedVersion;
  readonly to: ComparedVersion;
  readonly questions: readonly ComparedQuestion[];
  readonly maxTokens: number;
  /** Questions at once. */
  readonly concurrency: number;
  readonly onProgress: (done: number, total: number) => void;
}

export interface AskedBoth {
  readonly pairs: readonly AnsweredPair[];
  /** Ids of questions to which the two were given different passages, twice: documents changed meanwhile. */
  readonly leftOut: readonly string[];
}

interface Signals {
  readonly groundedness: number | null;
  readonly citation_validity: number | null;
  readonly numbers_grounded: number | null;
  readonly refused: boolean;
  readonly cluster: number | null;
}
interface Receipt {
  readonly passages: readonly { readonly id: string }[];
  readonly finish_reason: string | null;
  readonly signals: Signals | null;
}
interface Completion {
  readonly id: string;
  readonly choices: readonly [{ readonly message: { readonly content: string | null } }];
  readonly receipt: Receipt;
}

/** Answers are judged a moment after they were given. */
const JUDGED_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 100;
/** Of a gateway that is busy. */
const MAX_TRIES = 10;
const MAX_WAIT_S = 10;

/** Asks two versions the same questions, greedily, and keeps what both answered from the same passages. */
export async function askBoth(options: AskBothOptions): Promise<AskedBoth> {
  const { questions, concurrency, onProgress } = options;
  const pairs = new Array<AnsweredPair | null>(questions.length);
  let [next, done] = [0, 0];
  const work = async () => {
    for (let index = next++; index < questions.length; index = next++) {
      // In turns: whoever is second finds the passages read.
      const swap = index % 2 === 1;
      pairs[index] =
        (await askOnce(options, questions[index]!, swap)) ?? (await askOnce(options, questions[index]!, swap));
      onProgress(++done, questions.length);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return {
    pairs: pairs.filter((pair) => pair !== null),
    leftOut: questions.filter((_, index) => pairs[index] === null).map(({ id }) => id),
  };
}

/** null: they were given different passages. */
async function askOnce(
  options: AskBothOptions,
  question: ComparedQuestion,
  swap: boolean,
): Promise<AnsweredPair | null> {
  const answers = new Map<ComparedVersion, Completion>();
  const order = swap ? [options.to, options.from] : [options.from, options.to];
  for (const version of order) answers.set(version, await ask(options, version, question));
  const [from, to] = [answers.get(options.from)!, answers.get(options.to)!];
  const given = ({ receipt }: Completion) => receipt.passages.map(({ id }) => id).join();
  if (given(from) !== given(to)) return null;
  const [ofFrom, ofTo] = [await signalsOf(options, from), await signalsOf(options, to)];
  const topic = ofFrom?.cluster ?? ofTo?.cluster ?? null;
  return {
    id: question.id,
    cluster: question.cluster ?? (topic === null ? null : `topic ${topic}`),
    from: judged(question, from, ofFrom),
    to: judged(question, to, ofTo),
  };
}

async function ask(
  { url, key, maxTokens }: AskBothOptions,
  { model, isStable }: ComparedVersion,
  { messages }: ComparedQuestion,
): Promise<Completion> {
  const body = { model, messages, temperature: 0, max_tokens: maxTokens, include_receipt: true };
  for (let left = MAX_TRIES; ; left--) {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...auth(key), 'content-type': 'application/json', ...(isStable && { 'x-canary': 'never' }) },
      body: JSON.stringify(body),
    });
    const isBusy = response.status === 429 || response.status === 503;
    if (!isBusy || left === 1) return read(response, url, model);
    await response.body?.cancel();
    await sleep(1000 * Math.min(MAX_WAIT_S, Number(response.headers.get('retry-after') ?? 1)));
  }
}

/** null: it was not judged. */
async function signalsOf({ url, key }: AskBothOptions, { id, receipt }: Completion): Promise<Signals | null> {
  // What a policy said in its place is no version's answer.
  if (receipt.finish_reason === 'content_filter') return null;
  for (let left = JUDGED_WITHIN_MS; left > 0; left -= LOOK_EVERY_MS) {
    const response = await fetch(`${url}/v1/receipts/${encodeURIComponent(id)}`, { headers: auth(key) });
    const { signals } = await read<Receipt>(response, url, id);
    if (signals !== null) return signals;
    await sleep(LOOK_EVERY_MS);
  }
  return null;
}

function judged(question: ComparedQuestion, { choices }: Completion, signals: Signals | null): ComparedAnswer {
  return {
    right: rightness(question, choices[0].message.content ?? ''),
    groundedness: signals?.groundedness ?? null,
    citationValidity: signals?.citation_validity ?? null,
    numbersGrounded: signals?.numbers_grounded ?? null,
    refused: signals === null || question.answerable === false ? null : signals.refused,
  };
}

/** null: nobody said what is right. */
export function rightness({ id, accept, answerable, reference }: ComparedQuestion, text: string): number | null {
  if (answerable === false || accept.length > 0) {
    const asked = { id, question: '', answerable: accept.length > 0, accept, document: null, heading: null };
    const { fact, refused } = scoreAnswer(asked, { text, passages: [] });
    return Number(asked.answerable ? fact && !refused : refused);
  }
  return reference === null ? null : overlap(text, reference);
}

/** Of the words of both, as SQuAD scores answers: the harmonic mean of how many of each are in the other. */
function overlap(text: string, reference: string): number {
  const words = (some: string) =>
    some
      .replace(/\[\d+\]/g, ' ')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  const [own, wanted] = [words(text), words(reference)];
  const left = new Map<string, number>();
  for (const word of wanted) left.set(word, (left.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of own) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    shared++;
  }
  return own.length + wanted.length === 0 ? 1 : (2 * shared) / (own.length + wanted.length);
}

async function read<T>(response: Response, url: string, what: string): Promise<T> {
  const body = (await response.json()) as T & { error?: { message: string } };
  if (response.ok) return body;
  const reason = `answered ${response.status} for ${what}: ${body.error?.message}`;
  throw new AppError('invalid_value', { param: url, reason });
}

const auth = (key: string) => ({ authorization: `Bearer ${key}` });
