import { BLOCK } from './tensor.js';

/**
 * A weight matrix in blocks of 32 along its columns, in the byte order of onnxruntime's MatMulNBits.
 * Weight = scale * (code - 2^(bits-1)) for symmetric forms, scale * code + minimum of its block where there are minimums.
 * Scales and minimums are numbers that half floats hold exactly.
 */
export interface QuantizedMatrix {
  /** How it was quantized, for the record: `q4_1` from such a file, `q8` by ourselves, … */
  readonly form: 'q4_0' | 'q4_1' | 'q8_0' | 'q8' | 'q4';
  readonly rows: number;
  readonly columns: number;
  readonly bits: 4 | 8;
  /** Row-major; two 4-bit codes a byte, the first in the low nibble. */
  readonly codes: Uint8Array;
  /** One a block, row-major. */
  readonly scales: Float32Array;
  /** One a block; null for symmetric forms. */
  readonly minimums: Float32Array | null;
}

/** Allocates a matrix whose codes, scales and minimums are to be filled in. */
export function emptyMatrix(form: QuantizedMatrix['form'], rows: number, columns: number): QuantizedMatrix {
  const bits = form === 'q8_0' || form === 'q8' ? 8 : 4;
  const blocks = (rows * columns) / BLOCK;
  return {
    form,
    rows,
    columns,
    bits,
    codes: new Uint8Array((rows * columns * bits) / 8),
    scales: new Float32Array(blocks),
    minimums: form === 'q4_1' ? new Float32Array(blocks) : null,
  };
}

/** Row `i` of the result is row `order[i]` of the matrix. */
export function reorderRows(matrix: QuantizedMatrix, order: Uint32Array): QuantizedMatrix {
  const pick = <A extends Uint8Array | Float32Array>(source: A): A => {
    const width = source.length / matrix.rows;
    const target = source.slice();
    order.forEach((from, to) => {
      target.set(source.subarray(from * width, (from + 1) * width), to * width);
    });
    return target as A;
  };
  return {
    ...matrix,
    codes: pick(matrix.codes),
    scales: pick(matrix.scales),
    minimums: matrix.minimums && pick(matrix.minimums),
  };
}

/** Stacks neighbours of one form; neighbours of different forms stay apart, since no common form holds both exactly. */
export function stackRows(matrices: readonly QuantizedMatrix[]): QuantizedMatrix[] {
  const stacked: QuantizedMatrix[] = [];
  for (const matrix of matrices) {
    const last = stacked.at(-1);
    if (last?.form !== matrix.form) stacked.push(matrix);
    else {
      const rows = last.rows + matrix.rows;
      const sum = emptyMatrix(matrix.form, rows, matrix.columns);
      for (const key of ['codes', 'scales', 'minimums'] as const) {
        sum[key]?.set(last[key]!);
        sum[key]?.set(matrix[key]!, last[key]!.length);
      }
      stacked[stacked.length - 1] = sum;
    }
  }
  return stacked;
}

/** What MatMulNBits has to be helped to: it counts codes from the middle level, a minimum counts them from the lowest. */
export function middleLevels({ bits, scales }: QuantizedMatrix, minimums: Float32Array): Float32Array {
  const middle = 1 << (bits - 1);
  return minimums.map((minimum, i) => minimum + middle * scales[i]!);
}
