/** Writes GGUF files (ggml/docs/gguf.md of llama.cpp). */

/** Whole numbers become u32, other numbers f64, lists of numbers i32. */
export type GgufInput = string | number | boolean | readonly string[] | readonly number[];

export interface GgufTensorInput {
  readonly name: string;
  /** GGML's number of the type: 0 F32, 1 F16, 2 Q4_0, 3 Q4_1, 8 Q8_0, 30 BF16. */
  readonly type: number;
  /** Outermost axis first. */
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

const ALIGNMENT = 32;

/** The whole file; `version` is that of the format. */
export function encodeGguf(
  metadata: Readonly<Record<string, GgufInput>>,
  tensors: readonly GgufTensorInput[],
  version = 3,
): Buffer {
  const parts: Buffer[] = [Buffer.from('GGUF'), u32(version), u64(tensors.length), u64(Object.keys(metadata).length)];
  for (const [key, value] of Object.entries(metadata)) parts.push(text(key), ...typedValue(value));
  let offset = 0;
  for (const { name, shape, type, bytes } of tensors) {
    parts.push(text(name), u32(shape.length), ...[...shape].reverse().map(u64), u32(type), u64(offset));
    offset += padded(bytes.length);
  }
  const header = Buffer.concat(parts);
  const blocks = [header, ...tensors.map(({ bytes }) => bytes)];
  return Buffer.concat(
    blocks.map((block) => Buffer.concat([block, Buffer.alloc(padded(block.length) - block.length)])),
  );
}

function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function typedValue(value: GgufInput): Buffer[] {
  if (typeof value === 'string') return [u32(8), text(value)];
  if (typeof value === 'boolean') return [u32(7), Buffer.from([value ? 1 : 0])];
  if (typeof value === 'number') return Number.isInteger(value) ? [u32(4), u32(value)] : [u32(12), double(value)];
  const strings = typeof value[0] === 'string';
  const items = value.map((item) => (typeof item === 'string' ? text(item) : int32(item)));
  return [u32(9), u32(strings ? 8 : 5), u64(value.length), ...items];
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
