import type { DecoderShape } from '../../contracts/model-manifest.js';
import type { AppError } from '../../errors/app-error.js';
import { type QuantizedMatrix, reorderRows } from '../tensors/quantized-matrix.js';
import { readFloats } from '../tensors/read-floats.js';
import { type FloatPrecision, readMatrix } from '../tensors/read-matrix.js';
import { BLOCK, type TensorEntry } from '../tensors/tensor.js';
import type { RopeScaling } from './rope.js';

export type MatrixRole = 'embedding' | 'head' | 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';
type NormRole = 'attentionNorm' | 'mlpNorm' | 'finalNorm' | 'qNorm' | 'kNorm' | 'postAttentionNorm' | 'postMlpNorm';
export type VectorRole = NormRole | 'qBias' | 'kBias' | 'vBias';
export type Role = MatrixRole | VectorRole;

/** How a layer attends: by which table it rotates, null: not at all; and to how many tokens, null: to all. */
export interface LayerAttention {
  readonly rope: 'main' | 'local' | null;
  readonly window: number | null;
}

/** Linears whose weights a source keeps as integers in several tensors. */
export interface PackedLinears {
  /** What stands in place of a weight. */
  partsOf(weight: string): readonly string[];
  /** @throws AppError `model_invalid` for shapes that do not fit, or columns in an order that no block can follow */
  read(weight: string, tensors: ReadonlyMap<string, TensorEntry>, rows: number, columns: number): QuantizedMatrix;
}

/** What sets decoders apart that are built alike otherwise. */
export interface Traits {
  /** Queries and keys are normalised per head before they are rotated. */
  readonly qkNorm: boolean;
  /** What attention and MLP put out is normalised before it is added. */
  readonly postNorms: boolean;
  /** What the MLP's gate goes through. */
  readonly activation: 'silu' | 'gelu-tanh';
  /** What embeddings are multiplied with. */
  readonly embeddingScale: number;
  /** What scores of attention are multiplied with. */
  readonly attentionScale: number;
  /** Added to the weights of norms as they are stored. */
  readonly normOffset: number;
  readonly attention: (layer: number) => LayerAttention;
  /** Rotary base of the layers whose `rope` is local. */
  readonly localTheta: number;
}

/** A plain Llama with heads of this size. */
export function plainTraits(headDim: number): Traits {
  return {
    qkNorm: false,
    postNorms: false,
    activation: 'silu',
    embeddingScale: 1,
    attentionScale: 1 / Math.sqrt(headDim),
    normOffset: 0,
    attention: () => ({ rope: 'main', window: null }),
    localTheta: 10_000,
  };
}

/** What a checkpoint says about itself, whatever its format. */
interface DecoderSettings {
  readonly architecture: string;
  readonly shape: DecoderShape;
  readonly normEpsilon: number;
  readonly rope: { readonly theta: number; readonly scaling: RopeScaling };
  /** The head is the embedding. */
  readonly tiedHead: boolean;
  readonly qkvBias: boolean;
  readonly traits: Traits;
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
  /** Linears in another form than a tensor of weights; null: none. */
  readonly packed?: PackedLinears | null;
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
  const isPacked = (role: Role, layer: number) =>
    source.packed && LAYER_MATRICES.includes(role as MatrixRole) && !tensors.has(nameOf(role, layer));
  const namesOf = (role: Role, layer: number) =>
    isPacked(role, layer) ? source.packed!.partsOf(nameOf(role, layer)) : [nameOf(role, layer)];
  const expected = new Set(expectedTensors(settings, namesOf));
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
      const [rows, columns] = matrixShape(role, shape);
      if (isPacked(role, layer)) return source.packed!.read(nameOf(role, layer), tensors, rows, columns);
      const tensor = tensors.get(nameOf(role, layer))!;
      const floats = role === 'embedding' || role === 'head' ? 'q8' : source.floats;
      const matrix = readMatrix(tensor, rows, columns, floats);
      const order = orders[role];
      return order ? reorderRows(matrix, order) : matrix;
    },
    vector(role, layer) {
      const values = readFloats(tensors.get(nameOf(role, layer))!, [vectorLength(role, shape)]);
      const order = orders[role];
      if (order) return Float32Array.from(order, (from) => values[from]!);
      const offset = role.endsWith('Norm') ? settings.traits.normOffset : 0;
      return offset === 0 ? values : values.map((value) => value + offset);
    },
    close: source.close,
  };
}

function expectedTensors(
  settings: DecoderSettings,
  namesOf: (role: Role, layer: number) => readonly string[],
): string[] {
  const perLayer: Role[] = [...LAYER_MATRICES, 'attentionNorm', 'mlpNorm'];
  if (settings.qkvBias) perLayer.push('qBias', 'kBias', 'vBias');
  if (settings.traits.qkNorm) perLayer.push('qNorm', 'kNorm');
  if (settings.traits.postNorms) perLayer.push('postAttentionNorm', 'postMlpNorm');
  const once: Role[] = ['embedding', 'finalNorm', ...(settings.tiedHead ? [] : (['head'] as const))];
  const layers = Array.from({ length: settings.shape.layers }, (_, layer) => layer);
  return [
    ...once.flatMap((role) => namesOf(role, 0)),
    ...layers.flatMap((layer) => perLayer.flatMap((role) => namesOf(role, layer))),
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
function checkNumbers({ normEpsilon, rope, traits }: DecoderSettings, invalid: CheckpointSource['invalid']): void {
  const { kind, ...numbers } = rope.scaling;
  const { attentionScale, localTheta } = traits;
  const values = { normEpsilon, theta: rope.theta, attentionScale, localTheta, ...numbers };
  for (const [name, value] of Object.entries(values)) {
    for (const number of [value].flat()) {
      if (!(number > 0 && Number.isFinite(number))) throw invalid(`its ${name} (rope scaling ${kind}) is ${number}`);
    }
  }
}

/**
 * Positions for which tables are made: those that a file declares or was stretched to, as many as anybody can hold.
 * @param window of all layers, 0: none. Within it, windowed and full attention are the same.
 */
export function usablePositions(declared: number, window: number, scaling: RopeScaling): number {
  const stretched = scaling.kind === 'yarn' ? scaling.factor * scaling.originalPositions : 0;
  return Math.min(Math.max(declared, stretched), window || LIMITS.maxPositions, LIMITS.maxPositions);
}
