import { encodeSafetensors } from '../../tests/unit/model-import/write-safetensors.js';

/** A tensor of 16-bit floats, by their bits. */
export interface HalfTensor {
  readonly shape: readonly number[];
  readonly bits: Uint16Array;
}

export function bytesOf({ bits }: HalfTensor): Buffer {
  return Buffer.from(bits.buffer, bits.byteOffset, bits.byteLength);
}

/** A safetensors file of them. */
export function encodeHalves(dtype: 'F16' | 'BF16', tensors: Readonly<Record<string, HalfTensor>>): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const [name, { shape, bits }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bits.byteLength] };
    offset += bits.byteLength;
  }
  return encodeSafetensors(header, Buffer.concat(Object.values(tensors).map(bytesOf)));
}
