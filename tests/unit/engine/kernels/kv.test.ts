import { readFileSync } from 'node:fs';
import t from 'tap';
import type { DecoderShape } from '../../../../src/contracts/model-manifest.js';
import { KernelKv } from '../../../../src/engine/process/kernels/kv.js';
import { loadNativeKernels } from '../../../../src/engine/process/kernels/native.js';

const kernels = loadNativeKernels();
const shape = { layers: 24, kvHeads: 2, headDim: 64 } as DecoderShape;
const residentMb = () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024;

t.test(
  'slots of more than 2^32 elements are there in full, and take the memory that is written',
  {
    skip: !kernels || process.platform !== 'linux',
  },
  async (t) => {
    const [slots, contextTokens] = [24, 32_768];
    const before = residentMb();
    const kv = new KernelKv(kernels!, shape, slots, contextTokens, 100 * 16);
    const elements = kv.dims.reduce((product, dim) => product * dim, 1);
    t.ok(elements > 2 ** 32, `${elements}`);
    t.equal(kv.places, 100);

    // Each layer and head of the last block of the last slot is given a number of its own.
    const blockBytes = 16 * 64 * 2;
    const headBytes = contextTokens * 64 * 2;
    const block = contextTokens / 16 - 1;
    const offsetOf = (layer: number, slot: number, head: number) =>
      ((layer * slots + slot) * 4 + head) * headBytes + block * blockBytes;
    for (let layer = 0; layer < 24; layer++) {
      for (let head = 0; head < 4; head++) {
        new Uint16Array(kv.slots.view(offsetOf(layer, slots - 1, head), blockBytes)).fill(1 + layer * 4 + head);
      }
    }
    kv.save(slots - 1, block, 99);
    kv.load(99, 3, block);
    const wrong: string[] = [];
    for (let layer = 0; layer < 24; layer++) {
      for (let head = 0; head < 4; head++) {
        const copied = new Uint16Array(kv.slots.view(offsetOf(layer, 3, head), blockBytes));
        if (copied.some((value) => value !== 1 + layer * 4 + head)) wrong.push(`${layer}.${head}`);
      }
    }
    t.same(wrong, []);
    const grown = residentMb() - before;
    t.ok(grown < 64, `${grown} MB of ${(elements * 2) / 2 ** 20} MB`);
  },
);
