/** GGML's block layouts, written out plainly from their description, for tests. */
import { floatBytes } from './write-gguf.js';

export interface BlockForm {
  readonly name: 'F32' | 'F16' | 'BF16' | 'Q4_0' | 'Q4_1' | 'Q8_0';
  readonly type: number;
  /** Encodes floats; those of a block of 32 have to lie on the block's levels. */
  readonly encode: (values: Float32Array) => Buffer;
}

export const BLOCK_FORMS: readonly BlockForm[] = [
  { name: 'F32', type: 0, encode: floatBytes },
  { name: 'F16', type: 1, encode: (values) => words(values, halfBits) },
  { name: 'BF16', type: 30, encode: (values) => words(values, (value) => float32Bits(value) >>> 16) },
  { name: 'Q4_0', type: 2, encode: (values) => blocks(values, q40) },
  { name: 'Q4_1', type: 3, encode: (values) => blocks(values, q41) },
  { name: 'Q8_0', type: 8, encode: (values) => blocks(values, q80) },
];

export const formNamed = (name: BlockForm['name']): BlockForm => BLOCK_FORMS.find((form) => form.name === name)!;

/** Levels -8…7 times the scale. */
function q40(values: Float32Array): Buffer {
  const extreme = values.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  const scale = extreme / -8;
  return Buffer.concat([half(scale), nibbles(values, (value) => Math.round(value / (scale || 1)) + 8)]);
}

/** Levels 0…15 times the scale, above a minimum. */
function q41(values: Float32Array): Buffer {
  const minimum = Math.min(...values);
  const scale = (Math.max(...values) - minimum) / 15;
  const codes = nibbles(values, (value) => Math.round((value - minimum) / (scale || 1)));
  return Buffer.concat([half(scale), half(minimum), codes]);
}

/** Levels -127…127 times the scale. */
function q80(values: Float32Array): Buffer {
  const scale = Math.max(...values.map(Math.abs)) / 127;
  const codes = Int8Array.from(values, (value) => Math.round(value / (scale || 1)));
  return Buffer.concat([half(scale), Buffer.from(codes.buffer)]);
}

/** Element j in the low half of byte j, element j + 16 in the high half. */
function nibbles(values: Float32Array, code: (value: number) => number): Buffer {
  return Buffer.from(Array.from({ length: 16 }, (_, j) => code(values[j]!) | (code(values[j + 16]!) << 4)));
}

function blocks(values: Float32Array, encode: (block: Float32Array) => Buffer): Buffer {
  const count = values.length / 32;
  return Buffer.concat(Array.from({ length: count }, (_, i) => encode(values.subarray(i * 32, i * 32 + 32))));
}

function words(values: Float32Array, bits: (value: number) => number): Buffer {
  return Buffer.from(Uint16Array.from(values, bits).buffer);
}

function half(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(halfBits(value));
  return bytes;
}

function float32Bits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}

/** Of numbers that a half holds exactly. */
function halfBits(value: number): number {
  if (value === 0) return 0;
  const bits = float32Bits(value);
  const exponent = ((bits >>> 23) & 0xff) - 112;
  if (exponent < 1 || exponent > 30 || (bits & 0x1fff) !== 0) throw new Error(`${value} is not exactly a half`);
  return ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 0x3ff);
}
