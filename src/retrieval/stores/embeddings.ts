import { isPostgres } from '../../postgres/dialect.js';
import type { Db } from './database.js';

/** How a vector is written down: as bytes, which this process compares, or as pgvector reads one, which compares it there. */
export function embeddingsFor(db: Db): (vector: Float32Array) => Buffer | string {
  return isPostgres(db) ? literalOf : bytesOf;
}

/** As pgvector reads one. */
export function literalOf(vector: Float32Array): string {
  return `[${vector.join()}]`;
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
