import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { toHalf } from '../../../src/layouts/half-float.js';
import { openSafetensorsDecoder } from '../../../src/model-import/safetensors/decoder.js';
import { type TinyCase, tinyWeights } from '../../parity/tiny-weights.js';
import { encodeSafetensors } from './write-safetensors.js';

const golden = JSON.parse(
  gunzipSync(readFileSync(path.resolve('tests/parity/goldens/architectures.json.gz'))).toString(),
) as { cases: Record<string, TinyCase> };
const llama = golden.cases['llama, tied']!;
const GROUP = 32;

interface Packing {
  readonly method: 'gptq' | 'awq';
  /** Of a group and an output. */
  readonly zero: (group: number, output: number) => number;
  readonly config?: object;
  readonly order?: (column: number) => number;
}

const codeAt = (output: number, input: number) => (output * 7 + input * 5 + (input >> 3)) % 16;
const scaleAt = (group: number, output: number) => 2 ** -(4 + ((group + output) % 3));

/** As the two libraries lay them out: words of eight codes along the inputs, or across the outputs in AWQ's order. */
function packed(
  { method, zero, order = (column) => Math.floor(column / GROUP) }: Packing,
  outputs: number,
  inputs: number,
) {
  const groups = inputs / GROUP;
  const word = (codes: readonly number[]) => codes.reduce((bits, code, i) => bits + code * 16 ** i, 0) >>> 0;
  const eight = [0, 1, 2, 3, 4, 5, 6, 7];
  const across = method === 'awq' ? [0, 2, 4, 6, 1, 3, 5, 7] : eight;
  const words = (rows: number, columns: number, at: (row: number, column: number) => number) =>
    Uint32Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns));
  const qweight =
    method === 'awq'
      ? words(inputs, outputs / 8, (input, o) => word(across.map((place) => codeAt(8 * o + place, input))))
      : words(inputs / 8, outputs, (i, output) => word(eight.map((place) => codeAt(output, 8 * i + place))));
  const stored = (group: number, output: number) => zero(group, output) - (method === 'gptq' ? 1 : 0);
  const qzeros = words(groups, outputs / 8, (group, o) => word(across.map((place) => stored(group, 8 * o + place))));
  const scales = Uint16Array.from({ length: groups * outputs }, (_, i) =>
    toHalf(scaleAt(Math.floor(i / outputs), i % outputs)),
  );
  return {
    qweight: ['I32', method === 'awq' ? [inputs, outputs / 8] : [inputs / 8, outputs], qweight],
    qzeros: ['I32', [groups, outputs / 8], qzeros],
    scales: ['F16', [groups, outputs], scales],
    ...(method === 'gptq' && { g_idx: ['I32', [inputs], Uint32Array.from({ length: inputs }, (_, i) => order(i))] }),
    bias: ['F16', [outputs], new Uint16Array(outputs)],
  } as Record<string, [dtype: string, shape: number[], values: Uint16Array | Uint32Array]>;
}

function writeFolder(folder: string, packing: Packing): void {
  mkdirSync(folder, { recursive: true });
  const quantization_config = { quant_method: packing.method, bits: 4, group_size: GROUP, ...packing.config };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ ...llama.config, quantization_config }));
  const header: Record<string, unknown> = {};
  const chunks: Buffer[] = [];
  let offset = 0;
  const add = (
    name: string,
    dtype: string,
    shape: readonly number[],
    values: Uint16Array | Uint32Array | Float32Array,
  ) => {
    const bytes = Buffer.from(values.buffer);
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
    chunks.push(bytes);
  };
  for (const [name, { shape, values }] of Object.entries(tinyWeights(llama))) {
    if (!name.endsWith('_proj.weight')) add(name, 'F32', shape, values);
    else {
      for (const [part, tensor] of Object.entries(packed(packing, shape[0]!, shape[1]!))) {
        add(name.replace(/weight$/, part), ...tensor);
      }
    }
  }
  writeFileSync(path.join(folder, 'model.safetensors'), encodeSafetensors(header, Buffer.concat(chunks)));
}

const asymmetric = (group: number, output: number) => 1 + ((group * 3 + output) % 15);
const TAKEN: Record<string, Packing> = {
  'GPTQ with zeros in the middle': { method: 'gptq', zero: () => 8 },
  'GPTQ with zeros of its own': { method: 'gptq', zero: asymmetric },
  AWQ: { method: 'awq', zero: asymmetric },
};
for (const [what, packing] of Object.entries(TAKEN)) {
  t.test(`${what} is taken over code by code`, async (t) => {
    const folder = t.testdir();
    writeFolder(folder, packing);
    const { checkpoint } = openSafetensorsDecoder(folder, 'q8');
    for (const [role, outputs, inputs] of [
      ['q', 64, 64],
      ['down', 64, 96],
    ] as const) {
      const { form, codes, scales, minimums } = checkpoint.matrix(role, 1);
      t.equal(form, minimums ? 'int4_zero' : 'int4');
      for (let output = 0; output < outputs; output++) {
        for (let input = 0; input < inputs; input++) {
          const at = output * inputs + input;
          const block = at >> 5;
          const code = (codes[at >> 1]! >> (4 * (at & 1))) & 15;
          const value = scales[block]! * (minimums ? code : code - 8) + (minimums?.[block] ?? 0);
          const group = Math.floor(input / GROUP);
          const expected = scaleAt(group, output) * (codeAt(output, input) - packing.zero(group, output));
          if (value !== expected) return t.fail(`${role} ${output}, ${input}: ${value}, not ${expected}`);
        }
      }
    }
    checkpoint.close();
  });
}

const REFUSED: Record<string, [Partial<Packing>, RegExp]> = {
  'columns in another order': [
    { order: (column) => column % 2 },
    /g_idx puts its columns into groups in another order/,
  ],
  'three bits': [{ config: { bits: 3 } }, /quantized with gptq of 3 bits \(4 bits are\)/],
  'small groups': [{ config: { group_size: 16 } }, /gptq in groups of 16 \(multiples of 32 are\)/],
  'groups that the scales do not have': [
    { config: { group_size: 64 }, order: (column) => Math.floor(column / 64) },
    /qzeros is I32 \[2, 8\], expected I32 \[1, 8\]/,
  ],
  "AWQ's words in another order": [{ method: 'awq', config: { version: 'gemv' } }, /awq in the version gemv/],
  'another method': [
    { config: { quant_method: 'bitsandbytes' } },
    /quantized with bitsandbytes, which is not supported; import/,
  ],
};
for (const [what, [changes, reason]] of Object.entries(REFUSED)) {
  t.test(`${what} is refused by name`, async (t) => {
    const folder = t.testdir();
    writeFolder(folder, { method: 'gptq', zero: () => 8, ...changes });
    const open = () => openSafetensorsDecoder(folder, 'q8').checkpoint.matrix('q', 0);
    t.throws(open, { code: 'model_invalid', message: reason });
  });
}
