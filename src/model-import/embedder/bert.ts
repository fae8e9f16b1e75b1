import type { AppError } from '../../errors/app-error.js';
import type { JsonFile } from '../files/json-file.js';
import type { QuantizedMatrix } from '../tensors/quantized-matrix.js';
import { BLOCK } from '../tensors/tensor.js';
import type { ChannelMatrix } from './channels.js';

export interface BertShape {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly mlpSize: number;
  readonly vocabSize: number;
  readonly positions: number;
  readonly tokenTypes: number;
}

/** A BERT encoder's weights by their names in Hugging Face's layout; a linear's are `[outputs, inputs]`. */
export interface BertWeights {
  matrix(name: string, rows: number, columns: number): QuantizedMatrix;
  /** Of 8 bits with a scale a row: as they are where the file holds such, rounded otherwise. */
  channels(name: string, rows: number, columns: number): ChannelMatrix;
  floats(name: string, ...shape: number[]): Float32Array;
  close(): void;
}

export interface BertCheckpoint {
  readonly shape: BertShape;
  readonly normEpsilon: number;
  readonly weights: BertWeights;
}

// Far above any BERT; what a file claims sizes buffers.
const LIMITS: BertShape = {
  layers: 256,
  hiddenSize: 16_384,
  heads: 256,
  mlpSize: 65_536,
  vocabSize: 1 << 21,
  positions: 65_536,
  tokenTypes: 16,
};

/**
 * Checks that config.json describes a BERT encoder that our graph computes.
 * @throws AppError `model_invalid` with the reason
 */
export function openBert(config: JsonFile, weights: BertWeights): BertCheckpoint {
  const kind = config.text('model_type');
  if (kind !== 'bert') throw config.invalid(`the architecture ${kind} is not supported for embedding (bert is)`);
  const activation = config.text('hidden_act');
  if (activation !== 'gelu') throw config.invalid(`the activation ${activation} is not supported (gelu is)`);
  const positionKind = config.text('position_embedding_type', 'absolute');
  if (positionKind !== 'absolute') throw config.invalid(`${positionKind} positions are not supported (absolute are)`);
  const shape: BertShape = {
    layers: config.number('num_hidden_layers'),
    hiddenSize: config.number('hidden_size'),
    heads: config.number('num_attention_heads'),
    mlpSize: config.number('intermediate_size'),
    vocabSize: config.number('vocab_size'),
    positions: config.number('max_position_embeddings'),
    tokenTypes: config.number('type_vocab_size'),
  };
  checkShape(shape, (reason) => config.invalid(reason));
  return { shape, normEpsilon: config.number('layer_norm_eps'), weights };
}

/** @throws AppError of `invalid` for sizes that no encoder has, or that do not fit together */
export function checkShape(shape: BertShape, invalid: (reason: string) => AppError): void {
  for (const [key, limit] of Object.entries(LIMITS)) {
    const value = shape[key as keyof BertShape];
    if (!Number.isSafeInteger(value) || value < 1 || value > limit) throw invalid(`its ${key} is ${value}`);
  }
  if (shape.hiddenSize % shape.heads !== 0 || shape.hiddenSize % BLOCK !== 0 || shape.mlpSize % BLOCK !== 0) {
    throw invalid(`its sizes are not multiples of its heads and of ${BLOCK}`);
  }
}
