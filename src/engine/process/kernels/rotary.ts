import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import { decodeGraph } from '../../../layouts/onnx.js';

/** By what keys turn from position 0 to others: cosines and sines, `[positions, size / 2]` each. */
export interface RotaryTables {
  readonly half: number;
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** How far rounding to floats takes a sum of two turns from the turn by the sum. */
const TOLERANCE = 1e-3;

/**
 * The tables that the graph rotates with, as far as `positions` go; null where keys that were stored cannot be turned on by
 * them: a model that stretches its keys, or turns by angles that do not grow evenly.
 * @throws Error where the graph has no such tables in a file
 */
export function readRotary(modelDir: string, graphFile: string, half: number, positions: number): RotaryTables | null {
  const { initializer } = decodeGraph(readFileSync(path.join(modelDir, graphFile)));
  const read = (name: string): Float32Array => {
    const data = initializer.find((tensor) => tensor.name === name)?.external_data;
    const entry = (key: string) => data?.find((one) => one.key === key)?.value;
    const location = entry('location');
    if (location === undefined) throw new Error(`${graphFile} has no ${name} in a file`);
    const values = new Float32Array(positions * half);
    const file = openSync(path.join(modelDir, location), 'r');
    try {
      readSync(file, values, 0, values.byteLength, Number(entry('offset') ?? 0));
    } finally {
      closeSync(file);
    }
    return values;
  };
  const tables = { half, cos: read('rotary_cos'), sin: read('rotary_sin') };
  return addUp(tables, positions) ? tables : null;
}

/** Whether a turn by one position and another by any is the turn by their sum, and none makes a key longer. */
function addUp({ half, cos, sin }: RotaryTables, positions: number): boolean {
  const isClose = (a: number, b: number) => Math.abs(a - b) <= TOLERANCE;
  for (let position = 0; position + 1 < positions; position = 2 * position + 1) {
    for (let i = 0; i < half; i++) {
      const [c, s] = [cos[position * half + i]!, sin[position * half + i]!];
      const [c1, s1] = [cos[half + i]!, sin[half + i]!];
      const next = (position + 1) * half + i;
      if (!isClose(c * c + s * s, 1)) return false;
      if (!isClose(c * c1 - s * s1, cos[next]!) || !isClose(s * c1 + c * s1, sin[next]!)) return false;
    }
  }
  return true;
}
