import { rowsOf } from '../tensors/eight-bits.js';
import type { QuantizedMatrix } from '../tensors/quantized-matrix.js';

/** A matrix of 8-bit integers around zero, with one scale a row. */
export interface ChannelMatrix {
  readonly codes: Int8Array;
  readonly scales: Float32Array;
}

const MAX_CODE = 127;

/** Rounds each row to 255 levels around zero. */
export function quantizeChannels(values: Float32Array, rows: number, columns: number): ChannelMatrix {
  return roundRows(
    rows,
    columns,
    Array.from({ length: rows }, (_, row) => values.subarray(row * columns, (row + 1) * columns)),
  );
}

/** The same of a matrix with a scale a block: its values are there a row at a time only. */
export function channelsOf(matrix: QuantizedMatrix): ChannelMatrix {
  return roundRows(matrix.rows, matrix.columns, rowsOf(matrix));
}

function roundRows(rows: number, columns: number, values: Iterable<Float32Array>): ChannelMatrix {
  const codes = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  let row = 0;
  for (const own of values) {
    let largest = 0;
    for (const value of own) largest = Math.max(largest, Math.abs(value));
    const scale = largest / MAX_CODE;
    scales[row] = scale;
    const start = row++ * columns;
    for (let i = 0; scale > 0 && i < columns; i++) codes[start + i] = Math.round(own[i]! / scale);
  }
  return { codes, scales };
}
