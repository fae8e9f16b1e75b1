import { HALF_TO_FLOAT } from '../../layouts/half-float.js';
import { type FloatType, isFloat, TENSOR_TYPES, type TensorEntry, typeName } from './tensor.js';

/** Decodes little-endian floats; the bytes may lie at any alignment. */
export function decodeFloats(type: FloatType, bytes: Buffer): Float32Array {
  if (type === 'F32') return new Float32Array(alignedCopy(bytes));
  const words = new Uint16Array(alignedCopy(bytes));
  if (type === 'F16') return Float32Array.from(words, (word) => HALF_TO_FLOAT[word]!);
  const floats = new Float32Array(words.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < words.length; i++) bits[i] = words[i]! << 16;
  return floats;
}

/** All values of a float tensor of exactly this shape; for norms, biases and small tables. */
export function readFloats(tensor: TensorEntry, shape: readonly number[]): Float32Array {
  const { file, name, type } = tensor;
  if (!isFloat(type)) throw file.invalid(`${name} is ${typeName(type)}, only F32, F16 and BF16 are supported for it`);
  if (tensor.shape.join() !== shape.join()) {
    throw file.invalid(`${name} has shape [${tensor.shape.join(', ')}], expected [${shape.join(', ')}]`);
  }
  const elements = shape.reduce((product, length) => product * length, 1);
  const values = decodeFloats(type, file.read(tensor.offset, elements * TENSOR_TYPES[type].bytes));
  if (!values.every(Number.isFinite)) throw file.invalid(`${name} holds values that are not finite`);
  return values;
}

function alignedCopy(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
