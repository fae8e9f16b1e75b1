/** A matrix of 8-bit integers around zero, with one scale a row. */
export interface ChannelMatrix {
  readonly codes: Int8Array;
  readonly scales: Float32Array;
}

const MAX_CODE = 127;

/** Rounds each row to 255 levels around zero. */
export function quantizeChannels(values: Float32Array, rows: number, columns: number): ChannelMatrix {
  const codes = new Int8Array(values.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let largest = 0;
    for (let i = start; i < start + columns; i++) largest = Math.max(largest, Math.abs(values[i]!));
    const scale = largest / MAX_CODE;
    scales[row] = scale;
    for (let i = start; scale > 0 && i < start + columns; i++) codes[i] = Math.round(values[i]! / scale);
  }
  return { codes, scales };
}
