import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Rewrites the imported graphs over stock operators so that activations stay float32 (accuracy level 1 instead of 4): what is compared then is
 * weights and wiring, without the noise of 8-bit activations.
 */
export function useFloatActivations(folder: string): void {
  // In an AttributeProto the name is followed by field 3, the integer.
  const level = Buffer.from('accuracy_level\x18\x04');
  for (const name of ['model.onnx', 'model.half.onnx']) {
    const file = path.join(folder, name);
    const model = readFileSync(file);
    for (let at = model.indexOf(level); at >= 0; at = model.indexOf(level, at + 1)) model[at + level.length - 1] = 1;
    writeFileSync(file, model);
  }
}
