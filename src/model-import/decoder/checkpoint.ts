import type { DecoderShape } from '../../contracts/model-manifest.js';
import type { AppError } from '../../errors/app-error.js';
import { type QuantizedMatrix, reorderRows } from '../tensors/quantized-matrix.js';
import { readFloats } from '../tensors/read-floats.js';
import { type FloatPrecision, readMatrix } from '../tensors/read-matrix.js';
import { BLOCK, type TensorEntry } from '../tensors/tensor.js';
import type { RopeScaling } from './rope.js';

export type MatrixRole = 'embedding' | 'head' | 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';
export type VectorRole = 'attentionNorm' | 'mlpNorm' | 'finalNorm' | 'qBias' | 'kBias' | 'vBias' | 'qNorm' | 'kNorm';
export type Role = MatrixRole | VectorRole;

/** What a checkpoint says about itself, whatever its format. */
interface DecoderSettings {
  readonly architecture: string;
  readonly shape: DecoderShape;
  readonly normEpsilon: number;
  readonly rope: { readonly theta: number; readonly scaling: RopeScaling };
  /** The head is the embedding. */
  readonly tiedHead: boolean;
  readonly qkvBias: boolean;
  /** Queries and keys are normalised per head before they are rotated (Qwen3). */
  readonly qkNorm: boolean;
}

/** A Llama-family checkpoint by roles, rows of q and k in Hugging Face's order. */
export interface DecoderCheckpoint extends DecoderSettings {
  matrix(role: MatrixRole, layer: number): QuantizedMatrix;
  vector(role: VectorRole, layer: number): Float32Array;
  close(): void;
}

export interface CheckpointSource {
  readonly settings: DecoderSettings;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly nameOf: (role: Role, layer: number) => string;
  /** Tensors that may be in the file and are not needed. */
  readonly ignored: (name: string) => boolean;
  /** Order in which a file's rows of q and k have to be taken; null where it is ours. */
  readonly rowOrder: ((heads: number, headDim: number) => Uint32Array) | null;
  /** What becomes of the body's float matrices; embedding and head keep 8 bits, since 4 there ruin the model. */
  readonly floats: FloatPrecision;
  readonly invalid: (reason: string) => AppError;
  readonly close: () => void;
}

const LAYER_MATRICES: readonly MatrixRole[] = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];

/**
 * Checks that the file holds exactly the tensors that its settings ask for.
 * @throws AppError `model_invalid` naming the first tensor that is missing, or that nothing would use
 */
export function createCheckpoint(source: CheckpointSource): DecoderCheckpoint {
  const { settings, tensors, nameOf, rowOrder } = source;
  const { shape } = settings;
  checkShape(shape, source.invalid);
  checkNumbers(settings, source.invalid);
  const expected = new Set(expectedTensors(settings, nameOf));
  for (const name of expected) {
    if (!tensors.has(name)) throw source.invalid(`the tensor ${name} is missing`);
  }
  for (const name of tensors.keys()) {
    if (!expected.has(name) && !source.ignored(name)) {
      throw source.invalid(`it holds the tensor ${name}, which ${settings.architecture} models do not have here`);
    }
  }
  const orders: Partial<Record<Role, Uint32Array>> = {};
  if (rowOrder) {
    orders.q = orders.qBias = rowOrder(shape.heads, shape.headDim);
    orders.k = orders.kBias = rowOrder(shape.kvHeads, shape.headDim);
  }
  return {
    ...settings,
    matrix(role, layer) {
      const tensor = tensors.get(nameOf(role, layer))!;
      const [rows, columns] = matrixShape(role, shape);
      const floats = role === 'embedding' || role === 'head' ? 'q8' : source.floats;
      const matrix = readMatrix(tensor, rows, columns, floats);
      const order = orders[role];
      return order ? reorderRows(matrix, order) : matrix;
    },
    vector(role, layer) {
      const values = readFloats(tensors.get(nameOf(role, layer))!, [vectorLength(role, shape)]);
      const order = orders[role];
      return order ? Float32Array.from(order, (from) => values[from]!) : values;
    },
    close: source.close,
  };
}

function expectedTensors(settings: DecoderSettings, nameOf: CheckpointSource['nameOf']): string[] {
  const perLayer: Role[] = [...LAYER_MATRICES, 'attentionNorm', 'mlpNorm'];
  if (settings.qkvBias) perLayer.push('qBias', 'kBias', 'vBias');
  if (settings.qkNorm) perLayer.push('qNorm', 'kNorm');
  const once: Role[] = ['embedding', 'finalNorm', ...(settings.tiedHead ? [] : (['head'] as const))];
  const layers = Array.from({ length: settings.shape.layers }, (_, layer) => layer);
  return [
    ...once.map((role) => nameOf(role, 0)),
    ...layers.flatMap((layer) => perLayer.map((role) => nameOf(role, layer))),
  ];
}

function matrixShape(role: MatrixRole, shape: DecoderShape): [rows: number, columns: number] {
  const { hiddenSize, heads, kvHeads, headDim, mlpSize, vocabSize } = shape;
  switch (role) {
    case 'embedding':
    case 'head':
      return [vocabSize, hiddenSize];
    case 'q':
      return [heads * headDim, hiddenSize];
    case 'k':
    case 'v':
      return [kvHeads * headDim, hiddenSize];
    case 'o':
      return [hiddenSize, heads * headDim];
    case 'gate':
    case 'up':
      return [mlpSize, hiddenSize];
    case 'down':
      return [hiddenSize, mlpSize];
  }
}

function vectorLength(role: VectorRole, shape: DecoderShape): number {
  switch (role) {
    case 'qBias':
      return shape.heads * shape.headDim;
    case 'kBias':
    case 'vBias':
      return shape.kvHeads * shape.headDim;
    case 'qNorm':
    case 'kNorm':
      return shape.headDim;
    default:
      return shape.hiddenSize;
  }
}

/** Largest plausible value of each number: a hostile one must not size a buffer. */
const LIMITS: DecoderShape = {
  layers: 1024,
  hiddenSize: 65_536,
  heads: 1024,
  kvHeads: 1024,
  headDim: 256,
  mlpSize: 262_144,
  vocabSize: 1 << 21,
  maxPositions: 131_072,
};

function checkShape(shape: DecoderShape, invalid: CheckpointSource['invalid']): void {
  for (const [key, limit] of Object.entries(LIMITS)) {
    const value = shape[key as keyof DecoderShape];
    if (!Number.isSafeInteger(value) || value < 1 || value > limit) {
      throw invalid(`its ${key} is ${value}; whole numbers from 1 to ${limit} are supported`);
    }
  }
  if (shape.heads % shape.kvHeads !== 0) throw invalid(`${shape.heads} heads cannot share ${shape.kvHeads} KV heads`);
  if (shape.headDim % 16 !== 0) throw invalid(`its head size ${shape.headDim} is not a multiple of 16`);
  for (const key of ['hiddenSize', 'mlpSize'] as const) {
    if (shape[key] % BLOCK !== 0) throw invalid(`its ${key} ${shape[key]} is not a multiple of ${BLOCK}`);
  }
}

/** A zero or negative one of these would be accepted by every operator, and turn all answers into noise. */
function checkNumbers({ normEpsilon, rope }: DecoderSettings, invalid: CheckpointSource['invalid']): void {
  const { kind, ...numbers } = rope.scaling;
  const values = { normEpsilon, theta: rope.theta, ...numbers };
  for (const [name, value] of Object.entries(values)) {
    for (const number of [value].flat()) {
      if (!(number > 0 && Number.isFinite(number))) throw invalid(`its ${name} (rope scaling ${kind}) is ${number}`);
    }
  }
}

/** Positions for which tables are made: a file may claim more than anybody can hold. */
export const MAX_POSITIONS = LIMITS.maxPositions;
