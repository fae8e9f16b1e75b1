import { writeFileSync } from 'node:fs';
import { formNamed } from './block-forms.js';

export interface FloatTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

type Dtype = 'F32' | 'BF16' | 'F16';

/** Writes a safetensors file; BF16 and F16 take values that they hold exactly. */
export function writeSafetensors(
  file: string,
  tensors: Readonly<Record<string, FloatTensor>>,
  dtype: Dtype = 'F32',
): void {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  const chunks: Buffer[] = [];
  let offset = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    const bytes = formNamed(dtype).encode(values);
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    chunks.push(bytes);
    offset += bytes.length;
  }
  writeFileSync(file, encodeSafetensors(header, Buffer.concat(chunks)));
}

export function encodeSafetensors(header: unknown, data: Buffer): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}
