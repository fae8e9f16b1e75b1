import { existsSync } from 'node:fs';
import path from 'node:path';
import { readSafetensors } from '../safetensors/reader.js';
import { readFloats } from '../tensors/read-floats.js';
import { readMatrix } from '../tensors/read-matrix.js';
import type { TensorEntry } from '../tensors/tensor.js';
import type { BertWeights } from './bert.js';
import { quantizeChannels } from './channels.js';
import { openQuantizedOnnx } from './quantized-onnx.js';

/** Names of the file that has them, the more exact one first. */
const FILES = ['model.safetensors', 'model.onnx'];

/** The file of a model's folder that has its weights. */
export function weightsFile(folder: string): string {
  return FILES.find((name) => existsSync(path.join(folder, name))) ?? FILES[0]!;
}

/** @throws AppError `model_invalid` */
export function openWeights(file: string): BertWeights {
  return file.endsWith('.onnx') ? openQuantizedOnnx(file) : openSafetensors(file);
}

function openSafetensors(path: string): BertWeights {
  const { file, tensors } = readSafetensors(path);
  const find = (name: string): TensorEntry => {
    const tensor = tensors.get(name) ?? tensors.get(`bert.${name}`);
    if (!tensor) throw file.invalid(`the tensor ${name} is missing`);
    return tensor;
  };
  return {
    matrix: (name, rows, columns) => readMatrix(find(name), rows, columns, 'q8'),
    channels: (name, rows, columns) => quantizeChannels(readFloats(find(name), [rows, columns]), rows, columns),
    floats: (name, ...shape) => readFloats(find(name), shape),
    close: () => file.close(),
  };
}
