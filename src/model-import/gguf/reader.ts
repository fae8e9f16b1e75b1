import { BinaryFile } from '../files/binary-file.js';
import { refuseOverlap, TENSOR_TYPES, type TensorEntry, type TensorType } from '../tensors/tensor.js';

/** A metadata value; integers of 64 bits that a double cannot hold are refused. */
type GgufValue = string | number | boolean | readonly GgufValue[];

export interface GgufFile {
  readonly file: BinaryFile;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The file, and where it is the first of several, the others in their order. */
  readonly paths: readonly string[];
  close(): void;
}

// Limits on what a file may claim, far above any real model.
const MAX_HEADER_BYTES = 256 << 20;
const MAX_METADATA_KEYS = 65_536;
const MAX_TENSORS = 65_536;
const MAX_ARRAY_LENGTH = 1 << 22;
const MAX_AXES = 4;
const MAX_ALIGNMENT = 1 << 16;

/** Names of GGML's storage types by number (ggml.h), so that an error can say what a tensor is. */
const TYPE_NAMES = [
  ...['F32', 'F16', 'Q4_0', 'Q4_1', 'Q4_2', 'Q4_3', 'Q5_0', 'Q5_1', 'Q8_0', 'Q8_1', 'Q2_K', 'Q3_K', 'Q4_K', 'Q5_K'],
  ...['Q6_K', 'Q8_K', 'IQ2_XXS', 'IQ2_XS', 'IQ3_XXS', 'IQ1_S', 'IQ4_NL', 'IQ3_S', 'IQ2_S', 'IQ4_XS', 'I8', 'I16'],
  ...['I32', 'I64', 'F64', 'IQ1_M', 'BF16'],
];

/**
 * Opens one GGUF file (version 2 or 3, little-endian) and reads its directory; weights stay on disk. The caller closes it.
 * @throws AppError `model_invalid`; lengths, counts and offsets are checked before anything is allocated for them
 */
export function readGguf(path: string): GgufFile {
  const file = new BinaryFile(path);
  try {
    return readDirectory(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

function readDirectory(file: BinaryFile): GgufFile {
  const cursor = new Cursor(file);
  if (cursor.bytes(4).toString('latin1') !== 'GGUF') throw file.invalid('it does not start with GGUF');
  const version = cursor.u32();
  if (version !== 2 && version !== 3) throw file.invalid(`its GGUF version ${version} is not supported (2 and 3 are)`);
  const tensorCount = cursor.count('tensors', MAX_TENSORS);
  const keyCount = cursor.count('metadata keys', MAX_METADATA_KEYS);

  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keyCount; i++) {
    const key = cursor.string();
    if (metadata.has(key)) throw file.invalid(`the metadata key ${key} occurs twice`);
    metadata.set(key, cursor.value(cursor.u32()));
  }

  const relative: TensorEntry[] = [];
  for (let i = 0; i < tensorCount; i++) relative.push(readTensorInfo(cursor, file));

  const alignment = metadata.get('general.alignment') ?? 32;
  if (typeof alignment !== 'number' || !(alignment >= 8 && alignment <= MAX_ALIGNMENT) || alignment % 8 !== 0) {
    throw file.invalid(`general.alignment is ${String(alignment)}`);
  }
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = new Map<string, TensorEntry>();
  for (const tensor of relative) {
    const offset = dataStart + tensor.offset;
    if (tensors.has(tensor.name)) throw file.invalid(`the tensor ${tensor.name} occurs twice`);
    if (offset + tensor.bytes > file.size) {
      throw file.invalid(
        `it is truncated: ${tensor.name} ends at ${offset + tensor.bytes} of ${file.size} bytes; fetch it again`,
      );
    }
    tensors.set(tensor.name, { ...tensor, offset });
  }
  refuseOverlap(file, tensors);
  return { file, metadata, tensors, paths: [file.path], close: () => file.close() };
}

/** The entry's offset is still relative to the data section. */
function readTensorInfo(cursor: Cursor, file: BinaryFile): TensorEntry {
  const name = cursor.string();
  const axes = cursor.u32();
  if (axes < 1 || axes > MAX_AXES) throw file.invalid(`${name} has ${axes} axes`);
  const shape: number[] = [];
  // GGUF lists the innermost axis first.
  for (let axis = 0; axis < axes; axis++) shape.unshift(cursor.u64());
  const elements = shape.reduce((product, length) => product * length, 1);
  if (elements < 1 || !Number.isSafeInteger(elements)) throw file.invalid(`${name} has shape [${shape.join(', ')}]`);
  const typeNumber = cursor.u32();
  const offset = cursor.u64();
  const type = TYPE_NAMES[typeNumber] ?? `type ${typeNumber}`;
  if (!(type in TENSOR_TYPES)) return { name, type: { unsupported: type }, shape, file, offset, bytes: 0 };
  const block = TENSOR_TYPES[type as TensorType];
  if (shape.at(-1)! % block.elements !== 0) throw file.invalid(`${name} has rows that are not whole ${type} blocks`);
  return { name, type: type as TensorType, shape, file, offset, bytes: (elements / block.elements) * block.bytes };
}

const WINDOW_BYTES = 1 << 20;

/** Reads forward through the header by windows, never past the end or past MAX_HEADER_BYTES. */
class Cursor {
  readonly #file: BinaryFile;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  position = 0;

  constructor(file: BinaryFile) {
    this.#file = file;
  }

  bytes(length: number): Buffer {
    const file = this.#file;
    if (this.position + length > Math.min(file.size, MAX_HEADER_BYTES)) {
      if (file.size < MAX_HEADER_BYTES) throw file.invalid('its header is truncated; fetch it again');
      throw file.invalid(`its header is larger than ${MAX_HEADER_BYTES} bytes`);
    }
    let from = this.position - this.#windowStart;
    if (from + length > this.#window.length) {
      const size = Math.min(Math.max(length, WINDOW_BYTES), file.size - this.position);
      this.#window = file.read(this.position, size);
      this.#windowStart = this.position;
      from = 0;
    }
    this.position += length;
    return this.#window.subarray(from, from + length);
  }

  u32(): number {
    return this.bytes(4).readUInt32LE();
  }

  u64(): number {
    return this.#safe(this.bytes(8).readBigUInt64LE());
  }

  count(what: string, limit: number): number {
    const count = this.u64();
    if (count > limit) throw this.#file.invalid(`it claims ${count} ${what}, at most ${limit} are accepted`);
    return count;
  }

  string(): string {
    return this.bytes(this.u64()).toString('utf8');
  }

  /** Types by number, as the GGUF specification has them. */
  value(type: number, depth = 0): GgufValue {
    switch (type) {
      case 0:
        return this.bytes(1).readUInt8();
      case 1:
        return this.bytes(1).readInt8();
      case 2:
        return this.bytes(2).readUInt16LE();
      case 3:
        return this.bytes(2).readInt16LE();
      case 4:
        return this.u32();
      case 5:
        return this.bytes(4).readInt32LE();
      case 6:
        return this.bytes(4).readFloatLE();
      case 7:
        return this.bytes(1).readUInt8() !== 0;
      case 8:
        return this.string();
      case 9:
        return this.#array(depth);
      case 10:
        return this.u64();
      case 11:
        return this.#safe(this.bytes(8).readBigInt64LE());
      case 12:
        return this.bytes(8).readDoubleLE();
      default:
        throw this.#file.invalid(`its metadata has a value of the unknown type ${type}`);
    }
  }

  #array(depth: number): GgufValue[] {
    if (depth > 2) throw this.#file.invalid('its metadata nests arrays too deeply');
    const type = this.u32();
    const length = this.count('array elements', MAX_ARRAY_LENGTH);
    const values: GgufValue[] = [];
    // Grown by pushing: a claimed length costs nothing until the bytes behind it are there.
    for (let i = 0; i < length; i++) values.push(this.value(type, depth + 1));
    return values;
  }

  #safe(value: bigint): number {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw this.#file.invalid(`it holds the implausible number ${value}`);
    return number;
  }
}
