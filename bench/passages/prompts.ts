/** Prompts over the sample documents, of passages that are like the one that is asked for. */
import type { PromptMessage } from '../../src/contracts/prompt.js';
import type { readDocuments } from '../../src/demo/documents.js';
import { createRandom } from '../../src/engine/process/random.js';
import { assemblePrompt, numberPassages } from '../../src/pipeline/prompt.js';
import { chunkFile, type FilePassage } from '../../src/retrieval/chunking/chunk-file.js';

const SHOWN = 6;

export type Shown = Pick<FilePassage, 'headingPath' | 'text'> & {
  readonly filename: string;
  readonly words: ReadonlySet<string>;
};

export async function passagesOf(
  documents: ReturnType<typeof readDocuments>,
  { passageTokens, overlapTokens }: { readonly passageTokens: number; readonly overlapTokens: number },
  count: (text: string) => number,
): Promise<Shown[]> {
  const shown: Shown[] = [];
  for (const { filename, content } of documents) {
    for (const { headingPath, text } of await chunkFile(
      { filename, content },
      { budgetTokens: passageTokens, overlapTokens },
      count,
    )) {
      shown.push({ headingPath, text, filename, words: new Set(text.toLowerCase().match(/\p{L}{4,}/gu)) });
    }
  }
  return shown;
}

/** The passage that is asked for first, then those that share most words with it. */
export function nearest(passages: readonly Shown[], asked: number): Shown[] {
  const { words } = passages[asked]!;
  const likeness = (other: Shown) =>
    [...other.words].filter((word) => words.has(word)).length / Math.sqrt(other.words.size || 1);
  const others = passages.filter((_, i) => i !== asked).toSorted((a, b) => likeness(b) - likeness(a));
  return [passages[asked]!, ...others.slice(0, SHOWN - 1)];
}

/** Every second passage of one prompt and every second of another, each under the number that it had there. */
export function mixed(some: readonly Shown[], others: readonly Shown[]): Shown[] {
  return some.map((passage, i) => (i % 2 === 0 ? passage : others[i]!));
}

/** @param mark makes the question one that nobody has asked before */
export function promptOf(
  instructions: string,
  passages: readonly Shown[],
  attention: 'full' | 'block',
  mark: number,
): PromptMessage[] {
  const { headingPath, filename } = passages[0]!;
  return assemblePrompt({
    instructions,
    messages: [{ role: 'user', content: `What is said of ${headingPath.at(-1) ?? filename}? (${mark})` }],
    passages: numberPassages(passages),
    apart: attention === 'block',
  });
}

export const spread = (length: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.floor((i * length) / count));

/** Numbers below `length`, of which few come often: the n-th of a shuffled order with a probability that falls as 1/n. */
export function zipf(length: number, count: number, seed: number): number[] {
  const random = createRandom(seed);
  const order = Array.from({ length }, (_, i) => ({ i, at: random() })).toSorted((a, b) => a.at - b.at);
  const weights = order.map((_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Array.from({ length: count }, () => {
    let left = random() * total;
    const rank = weights.findIndex((weight) => {
      left -= weight;
      return left <= 0;
    });
    return order[Math.max(0, rank)]!.i;
  });
}
