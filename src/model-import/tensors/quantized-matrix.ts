import { BLOCK } from './tensor.js';

/** How each form holds its weights; `minimums`: whether a block has one. */
const FORMS = {
  q4_0: { bits: 4, scaleBlock: BLOCK, minimums: false },
  q4_1: { bits: 4, scaleBlock: BLOCK, minimums: true },
  q4_k: { bits: 4, scaleBlock: BLOCK, minimums: true },
  q4: { bits: 4, scaleBlock: BLOCK, minimums: false },
  /** GPTQ and AWQ, without zero points and with them. */
  int4: { bits: 4, scaleBlock: BLOCK, minimums: false },
  int4_zero: { bits: 4, scaleBlock: BLOCK, minimums: true },
  q5_0: { bits: 5, scaleBlock: BLOCK, minimums: false },
  q3_k: { bits: 6, scaleBlock: 16, minimums: false },
  q6_k: { bits: 6, scaleBlock: 16, minimums: false },
  iq4_nl: { bits: 8, scaleBlock: BLOCK, minimums: false },
  iq4_xs: { bits: 8, scaleBlock: BLOCK, minimums: false },
  q8_0: { bits: 8, scaleBlock: BLOCK, minimums: false },
  q8: { bits: 8, scaleBlock: BLOCK, minimums: false },
} as const;

/**
 * A weight matrix in blocks along its columns. Weight = scale * (code - 2^(bits-1)) for symmetric forms, scale * code +
 * minimum of its block where there are minimums. Scales and minimums are numbers that half floats hold exactly.
 */
export interface QuantizedMatrix {
  /** How it was quantized, for the record: `q4_1` from such a file, `q8` by ourselves, … */
  readonly form: keyof typeof FORMS;
  readonly rows: number;
  readonly columns: number;
  readonly bits: 4 | 5 | 6 | 8;
  /** Weights along a row that share a scale. */
  readonly scaleBlock: 16 | 32;
  /** Row-major; two 4-bit codes a byte, the first in the low nibble; of other widths one a byte. */
  readonly codes: Uint8Array;
  /** One for every `scaleBlock` weights, row-major. */
  readonly scales: Float32Array;
  /** As many as scales; null for symmetric forms. */
  readonly minimums: Float32Array | null;
}

/** Allocates a matrix whose codes, scales and minimums are to be filled in. */
export function emptyMatrix(form: QuantizedMatrix['form'], rows: number, columns: number): QuantizedMatrix {
  const { bits, scaleBlock, minimums } = FORMS[form];
  const weights = rows * columns;
  return {
    form,
    rows,
    columns,
    bits,
    scaleBlock,
    codes: new Uint8Array(bits === 4 ? weights / 2 : weights),
    scales: new Float32Array(weights / scaleBlock),
    minimums: minimums ? new Float32Array(weights / scaleBlock) : null,
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

/** Stacks neighbours that hold their weights alike; others stay apart, since no common form holds both exactly. */
export function stackRows(matrices: readonly QuantizedMatrix[]): QuantizedMatrix[] {
  const stacked: QuantizedMatrix[] = [];
  for (const matrix of matrices) {
    const last = stacked.at(-1);
    if (!last || !isAlike(last, matrix)) stacked.push(matrix);
    else {
      const { codes, scales, minimums } = matrix;
      stacked[stacked.length - 1] = {
        ...last,
        rows: last.rows + matrix.rows,
        codes: joined(new Uint8Array(last.codes.length + codes.length), last.codes, codes),
        scales: joined(new Float32Array(last.scales.length + scales.length), last.scales, scales),
        minimums:
          minimums && joined(new Float32Array(last.minimums!.length + minimums.length), last.minimums!, minimums),
      };
    }
  }
  return stacked;
}

function isAlike(a: QuantizedMatrix, b: QuantizedMatrix): boolean {
  return a.bits === b.bits && a.scaleBlock === b.scaleBlock && (a.minimums === null) === (b.minimums === null);
}

function joined<A extends Uint8Array | Float32Array>(target: A, first: A, second: A): A {
  target.set(first);
  target.set(second, first.length);
  return target;
}

/** What MatMulNBits has to be helped to: it counts codes from the middle level, a minimum counts them from the lowest. */
export function middleLevels({ bits, scales }: QuantizedMatrix, minimums: Float32Array): Float32Array {
  const middle = 1 << (bits - 1);
  return minimums.map((minimum, i) => minimum + middle * scales[i]!);
}
