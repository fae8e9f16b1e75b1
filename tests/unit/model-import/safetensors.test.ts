import { writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { readSafetensors } from '../../../src/model-import/safetensors/reader.js';
import { readFloats } from '../../../src/model-import/tensors/read-floats.js';
import { encodeSafetensors, writeSafetensors } from './write-safetensors.js';

t.test('tensors of every float type are read back', async (t) => {
  const folder = t.testdir();
  const values = Float32Array.of(0, 1, -2.5, 0.125, 100, -0.0078125);
  for (const dtype of ['F32', 'F16', 'BF16'] as const) {
    const file = path.join(folder, `${dtype}.safetensors`);
    const odd = { shape: [1], values: Float32Array.of(3) };
    writeSafetensors(file, { odd, w: { shape: [2, 3], values } }, dtype);
    const read = readSafetensors(file);
    t.same([...readFloats(read.tensors.get('w')!, [2, 3])], [...values], dtype);
    t.throws(() => readFloats(read.tensors.get('w')!, [3, 2]), { message: /has shape \[2, 3\], expected \[3, 2\]/ });
    read.file.close();
  }
});

const entry = (changes: object) => ({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...changes } });
const data = Buffer.alloc(8);
const huge = Buffer.alloc(16);
huge.writeBigUInt64LE(1n << 62n);

const BROKEN: Record<string, [Buffer, RegExp]> = {
  'an empty file': [Buffer.alloc(0), /truncated/],
  'a header longer than any': [huge, /claims a header/],
  'a header longer than the file': [encodeSafetensors(entry({}), data).subarray(0, 20), /truncated/],
  'a header that is not JSON': [Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{]')]), /not JSON/],
  'a header that is a list': [encodeSafetensors([], data), /not a JSON object/],
  'an entry that is null': [encodeSafetensors({ w: null }, data), /entry of the tensor w is malformed/],
  'a negative length': [encodeSafetensors(entry({ shape: [-2] }), data), /malformed/],
  'a fractional offset': [encodeSafetensors(entry({ data_offsets: [0.5, 8] }), data), /malformed/],
  'offsets in the wrong order': [encodeSafetensors(entry({ data_offsets: [8, 0] }), data), /malformed/],
  'a tensor past the end': [encodeSafetensors(entry({ shape: [4], data_offsets: [0, 16] }), data), /truncated: w ends/],
  'a size that does not fit the shape': [encodeSafetensors(entry({ shape: [3] }), data), /w has 8 bytes/],
};
for (const [what, [bytes, reason]] of Object.entries(BROKEN)) {
  t.test(`${what} is refused`, async (t) => {
    const file = path.join(t.testdir(), 'file.safetensors');
    writeFileSync(file, bytes);
    t.throws(() => readSafetensors(file), { code: 'model_invalid', message: reason });
  });
}

t.test('a type that is not a supported float is carried by name and refused where it is needed', async (t) => {
  const file = path.join(t.testdir(), 'file.safetensors');
  writeFileSync(file, encodeSafetensors(entry({ dtype: 'I64', shape: [1] }), data));
  const read = readSafetensors(file);
  t.teardown(() => read.file.close());
  t.throws(() => readFloats(read.tensors.get('w')!, [1]), { message: /w is I64, only F32, F16 and BF16/ });
});
