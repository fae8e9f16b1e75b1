import { BinaryFile } from '../files/binary-file.js';
import { refuseOverlap, TENSOR_TYPES, type TensorEntry, type TensorType } from '../tensors/tensor.js';

const MAX_HEADER_BYTES = 100_000_000;
const READABLE: ReadonlySet<string> = new Set(['F32', 'F16', 'BF16']);

export interface SafetensorsFile {
  readonly file: BinaryFile;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/**
 * Opens a safetensors file and reads its directory; weights stay on disk. The caller closes `file`.
 * @throws AppError `model_invalid`; every length and offset is checked before anything is allocated for it
 */
export function readSafetensors(path: string): SafetensorsFile {
  const file = new BinaryFile(path);
  try {
    return { file, tensors: readDirectory(file) };
  } catch (error) {
    file.close();
    throw error;
  }
}

function readDirectory(file: BinaryFile): Map<string, TensorEntry> {
  const headerBytes = Number(file.read(0, 8).readBigUInt64LE());
  if (headerBytes > MAX_HEADER_BYTES) throw file.invalid(`it claims a header of ${headerBytes} bytes`);
  const header = parseObject(file, file.read(8, headerBytes));
  const dataStart = 8 + headerBytes;
  const tensors = new Map<string, TensorEntry>();
  for (const [name, info] of Object.entries(header)) {
    if (name !== '__metadata__') tensors.set(name, readEntry(file, name, info, dataStart));
  }
  refuseOverlap(file, tensors);
  return tensors;
}

function parseObject(file: BinaryFile, bytes: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw file.invalid('its header is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw file.invalid('its header is not a JSON object');
  }
  return value as Record<string, unknown>;
}

function readEntry(file: BinaryFile, name: string, info: unknown, dataStart: number): TensorEntry {
  const { dtype, shape, data_offsets: range } = (info ?? {}) as Record<string, unknown>;
  const broken = () => file.invalid(`the entry of the tensor ${name} is malformed`);
  if (typeof dtype !== 'string' || !isCounts(shape) || !isCounts(range) || range.length !== 2) throw broken();
  const [begin, end] = range as [number, number];
  const bytes = end - begin;
  if (bytes < 0) throw broken();
  if (dataStart + end > file.size) {
    throw file.invalid(`it is truncated: ${name} ends at ${dataStart + end} of ${file.size} bytes; fetch it again`);
  }
  const place = { name, shape, file, offset: dataStart + begin, bytes };
  if (!READABLE.has(dtype)) return { ...place, type: { unsupported: dtype } };
  const type = dtype as TensorType;
  const elements = shape.reduce((product, length) => product * length, 1);
  if (elements * TENSOR_TYPES[type].bytes !== bytes) {
    throw file.invalid(`${name} has ${bytes} bytes, which does not fit ${dtype} [${shape.join(', ')}]`);
  }
  return { ...place, type };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 8 && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
