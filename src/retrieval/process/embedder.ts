import { join } from 'node:path';
import type { EmbedderManifest } from '../../contracts/model-manifest.js';
import type { Encoder, Precedence, TokenBatch } from './encoder.js';
import { openKernelEncoder } from './kernel-encoder.js';
import { openTokenizer } from './tokenizer.js';

/** A text as the model reads it: tokenizing is work, and is done once. */
export interface TokenizedText {
  /** Specials included. */
  readonly ids: readonly number[];
  /** Uncut; a lower bound for texts far beyond `maxTokens`. */
  readonly tokens: number;
}

export interface Embedder {
  /** Digest of the weights: vectors of different ones do not compare. */
  readonly digest: string;
  readonly dimensions: number;
  /** Tokens of one text that the vector is made from, specials included; longer texts are cut. */
  readonly maxTokens: number;
  tokenize(text: string, as: EmbeddedAs): TokenizedText;
  /** Normalised vectors, one a text. This thread does nothing else meanwhile. */
  embed(texts: readonly TokenizedText[]): Promise<Float32Array[]>;
  /** The same by another thread, where it pleases behind everything that waits for an answer; null where that cannot be. */
  readonly embedApart: ((texts: readonly TokenizedText[], precedence: Precedence) => Promise<Float32Array[]>) | null;
}

/** Some models want to be told what is searched for from what is found. */
type EmbeddedAs = 'query' | 'passage';

/** No text has that many characters a token on average; what lies beyond need not be tokenized to be known as too long. */
const MAX_CHARS_PER_TOKEN = 40;

/** Loads an imported embedding model from its folder, beside whatever this thread does meanwhile. Nothing is ever fetched. */
export async function loadEmbedder(folder: string, manifest: EmbedderManifest, threads: number): Promise<Embedder> {
  const { dimensions, maxTokens, queryPrefix, passagePrefix = '' } = manifest;
  const maxChars = maxTokens * MAX_CHARS_PER_TOKEN;
  // Last what stays in memory: a folder that is damaged is tried again with each use.
  const tokenizer = await openTokenizer(folder);
  const encoder = await openEncoder(folder, manifest, threads);
  const prefixed = (text: string, as: EmbeddedAs) => (as === 'query' ? queryPrefix : passagePrefix) + text;

  // The last one ends a text, cut or not.
  const cut = ({ ids }: TokenizedText) =>
    ids.length > maxTokens ? [...ids.slice(0, maxTokens - 1), ids.at(-1)!] : ids;
  const batchOf = (texts: readonly TokenizedText[]): TokenBatch => {
    const tokens = texts.map(cut);
    return { ids: Int32Array.from(tokens.flat()), lengths: Int32Array.from(tokens, ({ length }) => length) };
  };
  const split = (vectors: Float32Array): Float32Array[] => {
    if (!vectors.every(Number.isFinite)) throw new Error('the embedder gave numbers that are not finite');
    return Array.from({ length: vectors.length / dimensions }, (_, i) =>
      vectors.slice(i * dimensions, (i + 1) * dimensions),
    );
  };

  return {
    digest: digestOf(manifest),
    dimensions,
    maxTokens,
    tokenize(text, as) {
      const { ids } = tokenizer.encode(prefixed(text, as).slice(0, maxChars));
      const isLong = text.length > maxChars;
      return { ids, tokens: isLong ? Math.max(ids.length, Math.ceil(text.length / MAX_CHARS_PER_TOKEN)) : ids.length };
    },
    embed: async (texts) => split(await encoder.encode(batchOf(texts))),
    embedApart:
      encoder.encodeApart &&
      (async (texts, precedence) => split(await encoder.encodeApart!(batchOf(texts), precedence))),
  };
}

/** Of the weights that a model embeds with. */
export function digestOf({ baseDigest, adapterDigest }: EmbedderManifest): string {
  return [baseDigest, adapterDigest].filter(Boolean).join('+');
}

async function openEncoder(folder: string, manifest: EmbedderManifest, threads: number): Promise<Encoder> {
  const file = manifest.encoder?.file;
  const kernels = file === undefined ? null : await openKernelEncoder(join(folder, file), manifest.dimensions);
  if (kernels) return kernels;
  // Not before: onnxruntime alone is 46 MB.
  const { openStockEncoder } = await import('./stock-encoder.js');
  return openStockEncoder(join(folder, manifest.graph.file), manifest, threads);
}
