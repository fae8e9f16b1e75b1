import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AutoTokenizer, env, type PreTrainedTokenizer } from '@huggingface/transformers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { EmbedderManifest } from '../../contracts/model-manifest.js';

/** A text as the model reads it: tokenizing is work, and is done once. */
export interface TokenizedText {
  /** Specials included. */
  readonly ids: readonly number[];
  /** Uncut; a lower bound for texts far beyond `maxTokens`. */
  readonly tokens: number;
}

export interface Embedder {
  readonly dimensions: number;
  /** Tokens of one text that the vector is made from, specials included; longer texts are cut. */
  readonly maxTokens: number;
  tokenize(text: string, as: EmbeddedAs): TokenizedText;
  /** Normalised vectors, one a text. */
  embed(texts: readonly TokenizedText[]): Promise<Float32Array[]>;
}

/** Some models want to be told what is searched for from what is found. */
export type EmbeddedAs = 'query' | 'passage';

/** No text has that many characters a token on average; what lies beyond need not be tokenized to be known as too long. */
const MAX_CHARS_PER_TOKEN = 40;

/** Loads an embedding model from a local folder in the layout of transformers.js. Nothing is ever fetched. */
export async function loadEmbedder(folder: string, threads: number): Promise<Embedder> {
  const { dimensions, maxTokens, pooling, queryPrefix } = readManifest(folder);
  const maxChars = maxTokens * MAX_CHARS_PER_TOKEN;
  const tokenizer = await loadTokenizer(folder);
  const session = await InferenceSession.create(join(folder, 'onnx', 'model_quantized.onnx'), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const prefixed = (text: string, as: EmbeddedAs) => (as === 'query' ? queryPrefix + text : text);

  /** The model writes into it. An array of its own for every batch makes 60 MB of garbage before V8 collects it. */
  let hidden = new Float32Array(0);

  return {
    dimensions,
    maxTokens,
    tokenize(text, as) {
      const ids = tokenizer.encode(prefixed(text, as).slice(0, maxChars));
      const isLong = text.length > maxChars;
      return { ids, tokens: isLong ? Math.max(ids.length, Math.ceil(text.length / MAX_CHARS_PER_TOKEN)) : ids.length };
    },
    async embed(texts) {
      const rows = texts.length;
      const length = Math.min(maxTokens, Math.max(...texts.map(({ ids }) => ids.length)));
      const int64 = (values: BigInt64Array) => new Tensor('int64', values, [rows, length]);
      // Zero behind the end of a text: padding, which no token looks at.
      const [inputIds, mask] = [new BigInt64Array(rows * length), new BigInt64Array(rows * length)];
      for (const [row, { ids }] of texts.entries()) {
        for (const [at, id] of ids.slice(0, length).entries()) {
          inputIds[row * length + at] = BigInt(id);
          mask[row * length + at] = 1n;
        }
      }
      if (hidden.length < rows * length * dimensions) hidden = new Float32Array(rows * length * dimensions);
      const output = hidden.subarray(0, rows * length * dimensions);
      await session.run(
        {
          input_ids: int64(inputIds),
          attention_mask: int64(mask),
          token_type_ids: int64(new BigInt64Array(rows * length)),
        },
        { last_hidden_state: new Tensor('float32', output, [rows, length, dimensions]) },
      );
      const vectors = texts.map((_, row) => {
        const start = row * length * dimensions;
        return pooling === 'cls'
          ? normalised(output.subarray(start, start + dimensions))
          : meanOfTokens(output, mask.subarray(row * length, (row + 1) * length), start, dimensions);
      });
      if (vectors.some((vector) => !vector.every(Number.isFinite)))
        throw new Error('the embedder gave numbers that are not finite');
      return vectors;
    },
  };
}

/** The normalised mean over the tokens of one text, padding left out. */
function meanOfTokens(hidden: Float32Array, mask: BigInt64Array, offset: number, dimensions: number): Float32Array {
  const sum = new Float64Array(dimensions);
  mask.forEach((isToken, token) => {
    if (isToken === 0n) return;
    const at = offset + token * dimensions;
    for (let i = 0; i < dimensions; i++) sum[i]! += hidden[at + i]!;
  });
  return normalised(sum);
}

function normalised(vector: Float32Array | Float64Array): Float32Array {
  const norm = Math.hypot(...vector);
  return Float32Array.from(vector, (value) => value / norm);
}

function readManifest(folder: string): EmbedderManifest {
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as EmbedderManifest;
  if (manifest.format !== 'switchyard-embedder-2')
    throw new Error('it was imported by another version; pull or import it again');
  return manifest;
}

async function loadTokenizer(folder: string): Promise<PreTrainedTokenizer> {
  env.allowRemoteModels = false;
  env.localModelPath = dirname(folder);
  return AutoTokenizer.from_pretrained(basename(folder), { local_files_only: true });
}
