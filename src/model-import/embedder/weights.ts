import { existsSync } from 'node:fs';
import path from 'node:path';
import { readSafetensors } from '../safetensors/reader.js';
import { rowsOf, toEightBits } from '../tensors/eight-bits.js';
import { readFloats } from '../tensors/read-floats.js';
import { readMatrix } from '../tensors/read-matrix.js';
import { isFloat, type TensorEntry } from '../tensors/tensor.js';
import type { BertWeights } from './bert.js';
import { channelsOf, quantizeChannels } from './channels.js';
import type { E5s1File } from './e5s1.js';
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

/** Of a file whose matrices are quantized already: the very weights in 8 bits where a scale a block stays, rounded where a row has one. */
export function openQuantized({ file, tensors }: Pick<E5s1File, 'file' | 'tensors'>): BertWeights {
  const matrix = (name: string, rows: number, columns: number) => readMatrix(tensors.get(name)!, rows, columns, 'q8');
  return {
    matrix: (...of) => toEightBits(matrix(...of)),
    channels: (...of) => channelsOf(matrix(...of)),
    floats(name, ...shape) {
      const [rows, columns] = shape;
      const tensor = tensors.get(name)!;
      if (isFloat(tensor.type)) return readFloats(tensor, shape);
      const values = new Float32Array(rows! * columns!);
      let at = 0;
      for (const row of rowsOf(matrix(name, rows!, columns!))) {
        values.set(row, at);
        at += columns!;
      }
      return values;
    },
    close: () => file.close(),
  };
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
