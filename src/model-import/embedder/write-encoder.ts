import type { BertCheckpoint } from './bert.js';
import type { ChannelMatrix } from './channels.js';

/** Sections start at multiples of it, which the kernels rely on. */
const ALIGNMENT = 64;
const MAGIC = 0x31454453;
/** Outputs in a group, whose weights lie together; inputs in a step. */
const LANES = 16;
const STEP = 4;
const HEAD_SIZES = { multiple: 16, largest: 256 };

/** Whether the encoder of native/ can compute this shape. */
export function fitsEncoder({ hiddenSize, heads }: BertCheckpoint['shape']): boolean {
  const size = hiddenSize / heads;
  return size % HEAD_SIZES.multiple === 0 && size <= HEAD_SIZES.largest;
}

/** The encoder as native/src/encoder.cpp reads it. */
export function writeEncoder({ shape, normEpsilon, weights }: BertCheckpoint, pooling: 'cls' | 'mean'): Uint8Array {
  const { layers, hiddenSize, heads, mlpSize, vocabSize, positions, tokenTypes } = shape;
  const parts: Uint8Array[] = [];
  const add = (values: Uint8Array | Int8Array | Float32Array) => {
    const bytes = new Uint8Array(Math.ceil(values.byteLength / ALIGNMENT) * ALIGNMENT);
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    parts.push(bytes);
  };
  const addNorm = (name: string) => {
    add(weights.floats(`${name}.weight`, hiddenSize));
    add(weights.floats(`${name}.bias`, hiddenSize));
  };
  const addLinear = (names: readonly string[], outputs: number, inputs: number) => {
    const matrices = names.map((name) => weights.channels(`${name}.weight`, outputs, inputs));
    add(joined(matrices.map((matrix) => packChannels(matrix, outputs, inputs))));
    add(Float32Array.from(matrices.flatMap(({ scales }) => [...scales])));
    add(Float32Array.from(names.flatMap((name) => [...weights.floats(`${name}.bias`, outputs)])));
  };

  const header = new DataView(new ArrayBuffer(ALIGNMENT));
  const sizes = [MAGIC, layers, hiddenSize, heads, mlpSize, vocabSize, positions, pooling === 'cls' ? 1 : 0];
  for (const [i, size] of sizes.entries()) header.setInt32(4 * i, size, true);
  header.setFloat32(4 * sizes.length, normEpsilon, true);
  add(new Uint8Array(header.buffer));

  const words = weights.channels('embeddings.word_embeddings.weight', vocabSize, hiddenSize);
  add(words.codes);
  add(words.scales);
  // Every token has the first type.
  const types = weights.floats('embeddings.token_type_embeddings.weight', tokenTypes, hiddenSize);
  add(
    weights
      .floats('embeddings.position_embeddings.weight', positions, hiddenSize)
      .map((value, i) => value + types[i % hiddenSize]!),
  );
  addNorm('embeddings.LayerNorm');
  for (let i = 0; i < layers; i++) {
    const layer = `encoder.layer.${i}`;
    const projections = ['query', 'key', 'value'].map((name) => `${layer}.attention.self.${name}`);
    addLinear(projections, hiddenSize, hiddenSize);
    addLinear([`${layer}.attention.output.dense`], hiddenSize, hiddenSize);
    addNorm(`${layer}.attention.output.LayerNorm`);
    addLinear([`${layer}.intermediate.dense`], mlpSize, hiddenSize);
    addLinear([`${layer}.output.dense`], hiddenSize, mlpSize);
    addNorm(`${layer}.output.LayerNorm`);
  }
  return joined(parts);
}

/** `[outputs / 16][inputs / 4][16][4]`, codes counted from 0 instead of around 0. */
function packChannels({ codes }: ChannelMatrix, outputs: number, inputs: number): Uint8Array {
  const packed = new Uint8Array(codes.length);
  for (let output = 0; output < outputs; output++) {
    const group = (output - (output % LANES)) * inputs;
    for (let input = 0; input < inputs; input++) {
      const step = (input - (input % STEP)) * LANES;
      packed[group + step + (output % LANES) * STEP + (input % STEP)] = codes[output * inputs + input]! + 128;
    }
  }
  return packed;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
