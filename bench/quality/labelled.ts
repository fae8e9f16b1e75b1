/** Sentences over the sample documents, each supported by the passages of its context or not, and how. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.js';
import type { AnswerTexts } from '../../src/contracts/judge.js';
import { readEmbedderManifest } from '../../src/layouts/manifest.js';
import { findSupport, type Support } from '../../src/quality/groundedness.js';
import type { Embed } from '../../src/quality/signals.js';
import { evidenceOf } from '../../src/quality/sources.js';
import { loadEmbedder } from '../../src/retrieval/process/embedder.js';
import { dot } from '../../src/vectors/dot.js';

/** `blind`: nothing was chosen with it in view. `blind-2`: written by somebody else, where there is one. */
export type Half = 'fitted' | 'blind' | 'blind-2';

interface Context {
  readonly id: string;
  readonly tenant: string;
  readonly question: string;
  readonly passages: AnswerTexts['passages'];
}

interface LabelledSentence {
  readonly context: string;
  readonly sentence: string;
  readonly supported: boolean;
  /**
   * Of supported ones: quoted, reworded. Of others: invented, elsewhere (about something else altogether), and near
   * misses: number, unit, name, negation, neighbour (a fact of the sentence beside it).
   */
  readonly kind: string;
}

export interface Judged extends LabelledSentence {
  readonly support: Support;
  readonly cosine: number;
}

const fileOf = (name: string) => join(import.meta.dirname, `${name}.jsonl`);

export const hasHalf = (half: Half): boolean => existsSync(fileOf(half));

const read = <T>(name: string): T[] =>
  readFileSync(fileOf(name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);

/** Opens the embedder that is served. */
export async function openEmbedder(): Promise<Embed> {
  const { dataDir, models, retrieval } = loadConfig();
  const folder = join(dataDir, 'models', models.embedder);
  const embedder = await loadEmbedder(folder, await readEmbedderManifest(folder), retrieval.threads);
  return (texts) => embedder.embed(texts.map((text) => embedder.tokenize(text, 'passage')));
}

/** An answer of two sentences to each question: the bank's have one, the copilot's one or two. */
export function answersOf(half: Half): AnswerTexts[] {
  const sentences = read<LabelledSentence>(half).filter(({ supported }) => supported);
  return read<Context>('contexts').flatMap(({ id, question, passages }) => {
    const own = sentences.filter(({ context }) => context === id).slice(0, 2);
    if (own.length === 0) return [];
    const [first, second] = own.map(({ sentence }) => sentence.replace(/\.$/, ' [1].'));
    const answer = `${first} ${second}`;
    const marks = [...answer.matchAll(/\[1\]/g)].map(({ index }) => ({ start: index, end: index + 3, passage: 0 }));
    return [{ question, answer, passages, marks, logprobs: null }];
  });
}

/** Where each sentence is most likely taken from, and how near the two are by their embeddings. */
export async function judge(half: Half, embed: Embed): Promise<Judged[]> {
  const contexts = new Map(read<Context>('contexts').map((one) => [one.id, one]));
  const judged: Judged[] = [];
  for (const [index, one] of read<LabelledSentence>(half).entries()) {
    const context = contexts.get(one.context);
    if (context === undefined) throw new Error(`${half}.jsonl:${index + 1}: there is no context ${one.context}`);
    const { passages, question } = context;
    const support = findSupport(one.sentence, evidenceOf(passages, question))!;
    const [a, b] = await embed([one.sentence, support.window.text]);
    judged.push({ ...one, support, cosine: dot(a!, b!) });
  }
  return judged;
}

/** How often a supported sentence is above one that is not: the area under the ROC curve. */
export function areaUnderCurve(scored: readonly { readonly supported: boolean; readonly score: number }[]): number {
  const [yes, no] = [scored.filter(({ supported }) => supported), scored.filter(({ supported }) => !supported)];
  const wins = yes.flatMap((a) => no.map((b) => (a.score > b.score ? 1 : a.score === b.score ? 0.5 : 0)));
  return wins.reduce((sum: number, win) => sum + win, 0) / wins.length;
}
