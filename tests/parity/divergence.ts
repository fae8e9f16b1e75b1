import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { HALF_TO_FLOAT } from '../../src/layouts/half-float.js';

interface TextLogits {
  readonly ids: readonly number[];
  readonly topIds: string;
  readonly topLogprobs: string;
  readonly tailLogprobs: string;
}
/** What llama.cpp predicts at every token of some texts (make-logits.py). */
export interface Logits {
  /** SHA-256 of the file. */
  readonly model: string;
  readonly kept: number;
  readonly texts: Readonly<Record<string, TextLogits>>;
}

export interface Divergence {
  readonly tokens: number;
  readonly meanKl: number;
  /** Share of the tokens whose likeliest successor is the same. */
  readonly agreed: number;
}

const CHUNK = 64;

export function readLogits(file: string): Logits {
  return JSON.parse(gunzipSync(readFileSync(file)).toString()) as Logits;
}

/**
 * Over whole texts, until there are `atLeast` tokens.
 * @param logitsOf those of each token of a chunk of a text, one after the other
 */
export async function divergenceOf(
  { kept, texts }: Logits,
  atLeast: number,
  logitsOf: (tokens: number[], past: number) => Promise<Float32Array>,
): Promise<Divergence> {
  let tokens = 0;
  let divergence = 0;
  let agreed = 0;
  for (const text of Object.values(texts)) {
    if (tokens >= atLeast) break;
    const topIds = new Uint32Array(bytesOf(text.topIds).buffer);
    const topLogprobs = words(text.topLogprobs);
    const tailLogprobs = words(text.tailLogprobs);
    for (let past = 0; past < text.ids.length; past += CHUNK) {
      const chunk = text.ids.slice(past, past + CHUNK);
      const logits = await logitsOf(chunk, past);
      const width = logits.length / chunk.length;
      for (let i = 0; i < chunk.length; i++) {
        const at = (past + i) * kept;
        const ids = topIds.subarray(at, at + kept);
        const expected = Float64Array.from(topLogprobs.subarray(at, at + kept), (half) => HALF_TO_FLOAT[half]!);
        const actual = logits.subarray(i * width, (i + 1) * width);
        divergence += klOfHead(ids, expected, HALF_TO_FLOAT[tailLogprobs[past + i]!]!, actual);
        agreed += argmax(actual) === ids[0] ? 1 : 0;
        tokens += 1;
      }
    }
  }
  return { tokens, meanKl: divergence / tokens, agreed: agreed / tokens };
}

/**
 * KL(expected || actual) over the kept tokens and one bucket of all others: a lower bound of the whole, short of it by
 * what the others differ among themselves.
 */
function klOfHead(ids: Uint32Array, expected: Float64Array, expectedTail: number, actual: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of actual) if (logit > largest) largest = logit;
  let total = 0;
  for (const logit of actual) total += Math.exp(logit - largest);
  const normalizer = largest + Math.log(total);
  let sum = 0;
  let tail = 1;
  for (let i = 0; i < ids.length; i++) {
    const logprob = actual[ids[i]!]! - normalizer;
    sum += Math.exp(expected[i]!) * (expected[i]! - logprob);
    tail -= Math.exp(logprob);
  }
  return sum + Math.exp(expectedTail) * (expectedTail - Math.log(Math.max(tail, 1e-7)));
}

/** Index of the largest. */
export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

function words(base64: string): Uint16Array {
  return new Uint16Array(bytesOf(base64).buffer);
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}
