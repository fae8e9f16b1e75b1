import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AutoTokenizer, env, type PreTrainedTokenizer } from '@huggingface/transformers';
import { InferenceSession, Tensor } from 'onnxruntime-node';

export interface Embedder {
  readonly dimensions: number;
  /** Tokens of one text that the vector is made from, specials included; longer texts are cut. */
  readonly maxTokens: number;
  /** Tokens of a text, specials included, uncut; a lower bound for texts far beyond `maxTokens`. */
  countTokens(text: string): number;
  /** Normalised vectors, one a text. */
  embed(texts: readonly string[]): Promise<Float32Array[]>;
}

/** Where sentence-transformers cut all-MiniLM-L6-v2; it was not trained on longer texts. */
const MAX_TOKENS = 256;
/** No text has that many characters a token on average; what lies beyond need not be tokenized to be known as too long. */
const MAX_CHARS_PER_TOKEN = 40;
const MAX_CHARS = MAX_TOKENS * MAX_CHARS_PER_TOKEN;

/** Loads an embedding model from a local folder in the layout of transformers.js. Nothing is ever fetched. */
export async function loadEmbedder(folder: string, threads: number): Promise<Embedder> {
  const tokenizer = await loadTokenizer(folder);
  const session = await InferenceSession.create(join(folder, 'onnx', 'model_quantized.onnx'), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const { hidden_size: dimensions } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));

  /** The model writes into it. An array of its own for every batch makes 60 MB of garbage before V8 collects it. */
  let hidden = new Float32Array(0);

  return {
    dimensions,
    maxTokens: MAX_TOKENS,
    countTokens: (text) =>
      text.length > MAX_CHARS ? Math.ceil(text.length / MAX_CHARS_PER_TOKEN) : tokenizer.encode(text).length,
    async embed(texts) {
      const cut = texts.map((text) => text.slice(0, MAX_CHARS));
      const inputs = tokenizer(cut, { padding: true, truncation: true, max_length: MAX_TOKENS });
      const [rows, length] = inputs.input_ids.dims as [number, number];
      const int64 = (values: ArrayLike<bigint>) => new Tensor('int64', BigInt64Array.from(values), [rows, length]);
      const mask = inputs.attention_mask.data as BigInt64Array;
      if (hidden.length < rows * length * dimensions) hidden = new Float32Array(rows * length * dimensions);
      const output = hidden.subarray(0, rows * length * dimensions);
      await session.run(
        {
          input_ids: int64(inputs.input_ids.data as BigInt64Array),
          attention_mask: int64(mask),
          token_type_ids: int64(new BigInt64Array(rows * length)),
        },
        { last_hidden_state: new Tensor('float32', output, [rows, length, dimensions]) },
      );
      const vectors = texts.map((_, row) =>
        meanOfTokens(output, mask.subarray(row * length, (row + 1) * length), row * length * dimensions, dimensions),
      );
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
  const norm = Math.hypot(...sum);
  return Float32Array.from(sum, (value) => value / norm);
}

async function loadTokenizer(folder: string): Promise<PreTrainedTokenizer> {
  env.allowRemoteModels = false;
  env.localModelPath = dirname(folder);
  return AutoTokenizer.from_pretrained(basename(folder), { local_files_only: true });
}
