import { isPostgres } from '../../postgres/dialect.js';
import type { Db } from './database.js';

/** How a vector is written down: as bytes, which this process compares, or as pgvector reads one, which compares it there. */
export function embeddingsFor(db: Db): (vector: Float32Array) => Buffer | string {
  return isPostgres(db) ? literalOf : bytesOf;
}

/** A vector as either database gives it. */
export function readEmbedding(stored: Buffer | string): Float32Array {
  if (typeof stored === 'string') return Float32Array.from(JSON.parse(stored) as number[]);
  const { buffer, byteOffset, byteLength } = stored;
  // A view where the alignment allows it: a copy of 1.5 KB a row would be most of the work of an exact search.
  return byteOffset % 4 === 0
    ? new Float32Array(buffer, byteOffset, byteLength / 4)
    : new Float32Array(Uint8Array.from(stored).buffer);
}

/** As pgvector reads one. */
export function literalOf(vector: Float32Array): string {
  return `[${vector.join()}]`;
}

export function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
