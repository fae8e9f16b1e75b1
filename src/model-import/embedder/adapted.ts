import path from 'node:path';
import { JsonFile } from '../files/json-file.js';
import { readSafetensors } from '../safetensors/reader.js';
import { quantizeBlocks } from '../tensors/quantize.js';
import { emptyMatrix } from '../tensors/quantized-matrix.js';
import { readFloats } from '../tensors/read-floats.js';
import type { BertWeights } from './bert.js';
import { quantizeChannels } from './channels.js';

/** Weights of an adapter's folder, as PEFT names it. */
export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';

const PREFIX = 'base_model.model.';

/**
 * An encoder's weights with a LoRA adapter (PEFT's layout, one rank for all linears) merged in: of what it adapts, `W + alpha / r · B A`, rounded
 * anew; the rest as it is. Closing it closes both.
 * @throws AppError `model_invalid` for a linear that the adapter has only half of, or in another shape
 */
export function adaptedWeights(base: BertWeights, folder: string): BertWeights {
  const config = new JsonFile(path.join(folder, 'adapter_config.json'));
  const rank = config.number('r');
  const scale = config.number('lora_alpha') / rank;
  const { file, tensors } = readSafetensors(path.join(folder, ADAPTER_WEIGHTS));

  /** Null for what the adapter leaves alone. */
  const merged = (name: string, rows: number, columns: number): Float32Array | null => {
    const [a, b] = ['A', 'B'].map((side) =>
      tensors.get(`${PREFIX}${name.replace(/\.weight$/, '')}.lora_${side}.weight`),
    );
    if (!a && !b) return null;
    if (!a || !b) throw file.invalid(`only one half of ${name} is there`);
    const [down, up] = [readFloats(a, [rank, columns]), readFloats(b, [rows, rank])];
    const values = base.floats(name, rows, columns).slice();
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < rank; i++) {
        const factor = scale * up[row * rank + i]!;
        for (let column = 0; column < columns; column++) {
          values[row * columns + column]! += factor * down[i * columns + column]!;
        }
      }
    }
    return values;
  };

  return {
    floats: (name, ...shape) =>
      (shape.length === 2 ? merged(name, shape[0]!, shape[1]!) : null) ?? base.floats(name, ...shape),
    channels: (name, rows, columns) => {
      const values = merged(name, rows, columns);
      return values ? quantizeChannels(values, rows, columns) : base.channels(name, rows, columns);
    },
    matrix: (name, rows, columns) => {
      const values = merged(name, rows, columns);
      if (!values) return base.matrix(name, rows, columns);
      const matrix = emptyMatrix('q8', rows, columns);
      quantizeBlocks(values, matrix, 0);
      return matrix;
    },
    close() {
      file.close();
      base.close();
    },
  };
}
