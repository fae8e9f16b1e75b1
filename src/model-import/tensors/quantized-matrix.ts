import { BLOCK, SUPER_BLOCK } from './tensor.js';

/** What the sixteen codes of the IQ4 types stand for (kvalues_iq4nl, ggml-common.h). */
const IQ4_LEVELS = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

interface Form {
  readonly bits: 2 | 3 | 4 | 5 | 6 | 8;
  /** Weights along a row that share a scale. */
  readonly scaleBlock: 16 | 32;
  /** Whether a block has one. */
  readonly minimums: boolean;
  readonly levels?: readonly number[];
  /** Whether a block's scale and minimum are kept as factors of common ones. */
  readonly factors?: boolean;
}

/** How each form holds its weights. */
const FORMS = {
  q2_k: { bits: 2, scaleBlock: 16, minimums: true, factors: true },
  q3_k: { bits: 3, scaleBlock: 16, minimums: false },
  q4_0: { bits: 4, scaleBlock: BLOCK, minimums: false },
  q4_1: { bits: 4, scaleBlock: BLOCK, minimums: true },
  q4_k: { bits: 4, scaleBlock: BLOCK, minimums: true },
  q4: { bits: 4, scaleBlock: BLOCK, minimums: false },
  /** GPTQ and AWQ, without zero points and with them. */
  int4: { bits: 4, scaleBlock: BLOCK, minimums: false },
  int4_zero: { bits: 4, scaleBlock: BLOCK, minimums: true },
  q5_0: { bits: 5, scaleBlock: BLOCK, minimums: false },
  q5_1: { bits: 5, scaleBlock: BLOCK, minimums: true },
  q5_k: { bits: 5, scaleBlock: BLOCK, minimums: true },
  q6_k: { bits: 6, scaleBlock: 16, minimums: false },
  iq4_nl: { bits: 4, scaleBlock: BLOCK, minimums: false, levels: IQ4_LEVELS },
  iq4_xs: { bits: 4, scaleBlock: BLOCK, minimums: false, levels: IQ4_LEVELS },
  q8_0: { bits: 8, scaleBlock: BLOCK, minimums: false },
  q8: { bits: 8, scaleBlock: BLOCK, minimums: false },
} as const satisfies Record<string, Form>;

/** What the scales and minimums of 256 weights are made of; of 2-bit weights they would be half of all bytes. */
interface CommonScales {
  /** One byte a block: what the common scale is multiplied with (lower four bits), and the common minimum. */
  readonly factors: Uint8Array;
  /** One for every 256 weights, row-major, numbers that half floats hold exactly. */
  readonly scales: Float32Array;
  readonly minimums: Float32Array;
}

/**
 * A weight matrix in blocks along its columns. Weight = scale * (code - 2^(bits-1)) for symmetric forms, scale * code +
 * minimum of its block where there are minimums, scale * levels[code] where there are levels. Scales and minimums as they
 * are read are numbers that half floats hold exactly, or products of `common` ones.
 */
export interface QuantizedMatrix {
  /** How it was quantized, for the record: `q4_1` from such a file, `q8` by ourselves, … */
  readonly form: keyof typeof FORMS;
  readonly rows: number;
  readonly columns: number;
  readonly bits: Form['bits'];
  readonly scaleBlock: Form['scaleBlock'];
  /** Row-major; two 4-bit codes a byte, the first in the low nibble; of other widths one a byte. */
  readonly codes: Uint8Array;
  /** One for every `scaleBlock` weights, row-major. */
  readonly scales: Float32Array;
  /** As many as scales; null for symmetric forms. */
  readonly minimums: Float32Array | null;
  /** Of 4-bit codes, where their steps are of different width. */
  readonly levels: readonly number[] | null;
  /** What scales and minimums are products of; null: of nothing. */
  readonly common: CommonScales | null;
}

/** Allocates a matrix whose codes, scales and minimums are to be filled in. */
export function emptyMatrix(form: QuantizedMatrix['form'], rows: number, columns: number): QuantizedMatrix {
  const { bits, scaleBlock, minimums, levels, factors }: Form = FORMS[form];
  const weights = rows * columns;
  const commons = () => new Float32Array(weights / SUPER_BLOCK);
  return {
    form,
    rows,
    columns,
    bits,
    scaleBlock,
    codes: new Uint8Array(bits === 4 ? weights / 2 : weights),
    scales: new Float32Array(weights / scaleBlock),
    minimums: minimums ? new Float32Array(weights / scaleBlock) : null,
    levels: levels ?? null,
    common: factors ? { factors: new Uint8Array(weights / scaleBlock), scales: commons(), minimums: commons() } : null,
  };
}

/** Sets scales and minimums of `blocks` blocks, from block `first` on, to what the common ones make of them. */
export function foldFactors(
  { scaleBlock, scales, minimums, common }: QuantizedMatrix,
  first: number,
  blocks: number,
): void {
  for (let block = first; block < first + blocks; block++) {
    const whole = Math.floor((block * scaleBlock) / SUPER_BLOCK);
    scales[block] = common!.scales[whole]! * (common!.factors[block]! & 15);
    minimums![block] = common!.minimums[whole]! * (common!.factors[block]! >> 4);
  }
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
    common: matrix.common && {
      factors: pick(matrix.common.factors),
      scales: pick(matrix.common.scales),
      minimums: pick(matrix.common.minimums),
    },
  };
}

/** Stacks neighbours that hold their weights alike, as products; others stay apart, since no common form holds both exactly. */
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
        common: null,
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
  const sameSteps = a.bits === b.bits && a.levels === b.levels;
  return sameSteps && a.scaleBlock === b.scaleBlock && (a.minimums === null) === (b.minimums === null);
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
