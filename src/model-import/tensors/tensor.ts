import type { BinaryFile } from '../files/binary-file.js';

/** Weights of a block share their scale (and minimum); also the block of the quantized operators in the graph. */
export const BLOCK = 32;

/** GGML's K-quants keep eight blocks together, whose scales (and minimums) are multiples of a common one. */
export const SUPER_BLOCK = 256;

/** Elements and bytes of one block of every storage type that can be read. */
export const TENSOR_TYPES = {
  F32: { elements: 1, bytes: 4 },
  F16: { elements: 1, bytes: 2 },
  BF16: { elements: 1, bytes: 2 },
  Q4_0: { elements: BLOCK, bytes: 18 },
  Q4_1: { elements: BLOCK, bytes: 20 },
  Q5_0: { elements: BLOCK, bytes: 22 },
  Q5_1: { elements: BLOCK, bytes: 24 },
  Q8_0: { elements: BLOCK, bytes: 34 },
  IQ4_NL: { elements: BLOCK, bytes: 18 },
  Q2_K: { elements: SUPER_BLOCK, bytes: 84 },
  Q3_K: { elements: SUPER_BLOCK, bytes: 110 },
  Q4_K: { elements: SUPER_BLOCK, bytes: 144 },
  Q5_K: { elements: SUPER_BLOCK, bytes: 176 },
  Q6_K: { elements: SUPER_BLOCK, bytes: 210 },
  IQ4_XS: { elements: SUPER_BLOCK, bytes: 136 },
} as const;

export type TensorType = keyof typeof TENSOR_TYPES;
export type FloatType = 'F32' | 'F16' | 'BF16';

/** Where a tensor lies in its file; its range has been checked against the file's size. */
export interface TensorEntry {
  readonly name: string;
  /** A type outside TENSOR_TYPES is carried by name, so that only a model which needs it is refused. */
  readonly type: TensorType | { readonly unsupported: string };
  /** Outermost axis first: `[rows, columns]`, or `[length]`. */
  readonly shape: readonly number[];
  readonly file: BinaryFile;
  readonly offset: number;
  readonly bytes: number;
}

export function isFloat(type: TensorEntry['type']): type is FloatType {
  return type === 'F32' || type === 'F16' || type === 'BF16';
}

export function typeName(type: TensorEntry['type']): string {
  return typeof type === 'string' ? type : type.unsupported;
}

/** Two tensors in the same bytes are what no writer makes: one of them would be another's weights. */
export function refuseOverlap(file: BinaryFile, tensors: ReadonlyMap<string, TensorEntry>): void {
  const inOrder = [...tensors.values()].filter(({ bytes }) => bytes > 0).sort((a, b) => a.offset - b.offset);
  for (const [i, next] of inOrder.slice(1).entries()) {
    const last = inOrder[i]!;
    if (last.offset + last.bytes > next.offset) {
      throw file.invalid(`the tensors ${last.name} and ${next.name} lie in the same bytes`);
    }
  }
}
