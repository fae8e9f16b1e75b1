import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { EmbedderManifest } from '../../contracts/model-manifest.js';
import type { Encoder } from './encoder.js';

/** The model on onnxruntime's operators, for where the kernels of native/ cannot be had. */
export async function openStockEncoder(
  file: string,
  { dimensions, pooling }: Pick<EmbedderManifest, 'dimensions' | 'pooling'>,
  threads: number,
): Promise<Encoder> {
  const session = await InferenceSession.create(file, { intraOpNumThreads: threads, interOpNumThreads: 1 });
  /** The model writes into it. An array of its own for every batch makes 60 MB of garbage before V8 collects it. */
  let hidden = new Float32Array(0);

  return {
    encodeApart: null,
    async encode({ ids, lengths }) {
      const rows = lengths.length;
      const length = Math.max(...lengths);
      const [padded, mask] = [new BigInt64Array(rows * length), new BigInt64Array(rows * length)];
      let from = 0;
      lengths.forEach((tokens, row) => {
        for (let i = 0; i < tokens; i++) padded[row * length + i] = BigInt(ids[from + i]!);
        mask.fill(1n, row * length, row * length + tokens);
        from += tokens;
      });
      if (hidden.length < rows * length * dimensions) hidden = new Float32Array(rows * length * dimensions);
      const output = hidden.subarray(0, rows * length * dimensions);
      const int64 = (values: BigInt64Array) => new Tensor('int64', values, [rows, length]);
      await session.run(
        {
          input_ids: int64(padded),
          attention_mask: int64(mask),
          token_type_ids: int64(new BigInt64Array(rows * length)),
        },
        { last_hidden_state: new Tensor('float32', output, [rows, length, dimensions]) },
      );
      const vectors = new Float32Array(rows * dimensions);
      lengths.forEach((tokens, row) => {
        const start = row * length * dimensions;
        const pooled = pooling === 'cls' ? 1 : tokens;
        vectors.set(meanOfTokens(output.subarray(start, start + pooled * dimensions), dimensions), row * dimensions);
      });
      return vectors;
    },
  };
}

/** The normalised mean over the tokens of one text. */
function meanOfTokens(hidden: Float32Array, dimensions: number): Float32Array {
  const sum = new Float64Array(dimensions);
  hidden.forEach((value, i) => {
    sum[i % dimensions]! += value;
  });
  const norm = Math.hypot(...sum);
  return Float32Array.from(sum, (value) => value / norm);
}
