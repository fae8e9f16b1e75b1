import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { HALF_TO_FLOAT, toHalf } from '../../layouts/half-float.js';

/** The vector of a text that the product ships with, by the model with this digest; null for every other. */
export type ShippedVectors = (digest: string, text: string) => Float32Array | null;

/** Of whose model the vectors are. */
interface Made {
  /** Of the weights. */
  readonly digest: string;
  readonly dimensions: number;
}

const KEY_BYTES = 16;

/**
 * Vectors of the sample documents' passages, so that nobody waits at the first start for what is the same on every machine. A line of
 * JSON, then for each text the beginning of its SHA-256, then for each its vector in half floats, least byte first.
 * @param file null: none; neither are they where it is missing
 */
export function openShippedVectors(file: string | null): ShippedVectors {
  if (file === null || !existsSync(file)) return () => null;
  const bytes = readFileSync(file);
  const start = bytes.indexOf('\n') + 1;
  const made = JSON.parse(bytes.toString('utf8', 0, start)) as Made & { readonly count: number };
  const { dimensions } = made;
  const vectors = start + made.count * KEY_BYTES;
  if (bytes.length !== vectors + 2 * made.count * dimensions) throw new Error(`${file} is damaged: get it anew`);
  const places = new Map<string, number>();
  for (let n = 0; n < made.count; n++) places.set(bytes.toString('latin1', ...keyAt(start, n)), n);
  return (digest, text) => {
    if (digest !== made.digest) return null;
    const place = places.get(keyOf(text).toString('latin1'));
    if (place === undefined) return null;
    const at = vectors + 2 * place * dimensions;
    return Float32Array.from({ length: dimensions }, (_, n) => HALF_TO_FLOAT[bytes.readUInt16LE(at + 2 * n)]!);
  };
}

/** The file of some texts' vectors. */
export function packShippedVectors(of: Made, vectors: ReadonlyMap<string, Float32Array>): Buffer {
  const header = Buffer.from(`${JSON.stringify({ ...of, count: vectors.size })}\n`);
  const halves = new Uint16Array(vectors.size * of.dimensions);
  for (const [n, vector] of [...vectors.values()].entries()) halves.set(vector.map(toHalf), n * of.dimensions);
  const numbers = Buffer.alloc(2 * halves.length);
  for (const [n, half] of halves.entries()) numbers.writeUInt16LE(half, 2 * n);
  return Buffer.concat([header, ...[...vectors.keys()].map(keyOf), numbers]);
}

function keyAt(start: number, n: number): [number, number] {
  return [start + n * KEY_BYTES, start + (n + 1) * KEY_BYTES];
}

function keyOf(text: string): Buffer {
  return createHash('sha256').update(text).digest().subarray(0, KEY_BYTES);
}
