import { writeFileSync } from 'node:fs';
import { encodeGguf, type GgufInput, type GgufTensorInput } from '../../../src/model-import/gguf/writer.js';

export function writeGguf(
  file: string,
  metadata: Readonly<Record<string, GgufInput>>,
  tensors: readonly GgufTensorInput[],
): void {
  writeFileSync(file, encodeGguf(metadata, tensors));
}

export function floatBytes(values: Float32Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}
