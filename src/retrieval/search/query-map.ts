import { dot } from './nearest.js';
import { QUERY_MAPS } from './query-maps.js';

/** Of a query's vector: where the passages lie that answer it. A question is not near its answer only because it uses the same words. */
export type QueryMap = (vector: Float32Array) => Float32Array;

/** @param embedder id of the model whose vectors are mapped; those of one that has no map stay as they are */
export function queryMapFor(embedder: string): QueryMap {
  const encoded = QUERY_MAPS[embedder];
  return encoded ? lowRankMap(decodeMap(Buffer.from(encoded.rows, 'base64'), encoded.dimensions)) : (vector) => vector;
}

/** `x + Σ out (in · x) + shift`, normalised: the identity, corrected in a few directions. */
export interface LowRank {
  readonly ins: readonly Float32Array[];
  readonly outs: readonly Float32Array[];
  readonly shift: Float32Array;
}

export function lowRankMap({ ins, outs, shift }: LowRank): QueryMap {
  return (vector) => {
    const mapped = vector.map((value, i) => value + shift[i]!);
    for (const [row, direction] of ins.entries()) {
      const along = dot(direction, vector);
      const out = outs[row]!;
      for (let i = 0; i < mapped.length; i++) mapped[i]! += along * out[i]!;
    }
    const norm = Math.sqrt(dot(mapped, mapped));
    return mapped.map((value) => value / norm);
  };
}

const SCALE_BYTES = 4;

/** Rows of a scale (float32, little-endian) and integers of 8 bits: the ins, as many outs, the shift. */
export function decodeMap(bytes: Buffer, dimensions: number): LowRank {
  const length = SCALE_BYTES + dimensions;
  const rows = Array.from({ length: bytes.length / length }, (_, row) => {
    const scale = bytes.readFloatLE(row * length);
    return Float32Array.from({ length: dimensions }, (__, i) => scale * bytes.readInt8(row * length + SCALE_BYTES + i));
  });
  const rank = (rows.length - 1) / 2;
  return { ins: rows.slice(0, rank), outs: rows.slice(rank, 2 * rank), shift: rows[2 * rank]! };
}

/** What `decodeMap` reads; each value loses at most half of a 127th of its row's largest. */
export function encodeMap({ ins, outs, shift }: LowRank): Buffer {
  return Buffer.concat(
    [...ins, ...outs, shift].map((row) => {
      const bytes = Buffer.alloc(SCALE_BYTES + row.length);
      const scale = Math.fround(row.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127) || 1;
      bytes.writeFloatLE(scale);
      for (const [i, value] of row.entries()) bytes.writeInt8(Math.round(value / scale), SCALE_BYTES + i);
      return bytes;
    }),
  );
}
