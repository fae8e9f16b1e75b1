import t from 'tap';
import { DeviceKv } from '../../../../src/engine/process/device/kv.js';
import { RowCopies } from '../../../../src/engine/process/device/row-copies.js';
import { OnnxRuntime } from '../../../../src/engine/process/onnxruntime.js';

const SHAPE = { layers: 2, hiddenSize: 8, heads: 2, kvHeads: 1, headDim: 4, mlpSize: 8, vocabSize: 8, maxPositions: 8 };
const SLOTS = 3;
const TOKENS = 2;
const DIMS = [1, SHAPE.kvHeads, TOKENS, SHAPE.headDim];
const LENGTH = TOKENS * SHAPE.headDim;

// The CPU stands for the device here: what is tested is which slot a run reads and writes.
for (const element of [Float32Array, Uint16Array]) {
  t.test(`a slot of ${element.name} keeps what a run wrote, and the others are untouched`, async (t) => {
    const runtime = new OnnxRuntime();
    const kv = new DeviceKv(runtime, 'cpu', element, SHAPE, SLOTS, TOKENS);
    const copies = new RowCopies(runtime, 'cpu', element, 2 * SHAPE.layers);
    const rows = (first: number) =>
      Array.from({ length: 2 * SHAPE.layers }, (_, i) => new element(LENGTH).fill(first === 0 ? 0 : first + i));
    const tensors = (data: readonly (Float32Array | Uint16Array)[]) =>
      BigUint64Array.from(data, (values) => runtime.createTensor(values, DIMS));
    /** What a run over one slot does to it. */
    const write = (slot: number, first: number) => {
      copies.copy(tensors(rows(first)), 0, kv.tensors(slot, 1), 0);
      kv.written(slot);
    };
    const read = (slot: number) => {
      const data = rows(0);
      copies.copy(kv.tensors(0, SLOTS), slot, tensors(data), 0);
      return data;
    };

    t.same([0, 1, 2].map(read), [rows(0), rows(0), rows(0)], 'they begin as zeros');
    write(2, 20);
    write(0, 10);
    t.same([0, 1, 2].map(read), [rows(10), rows(0), rows(20)]);
    write(1, 30);
    const alone = rows(0);
    copies.copy(kv.tensors(2, 1), 0, tensors(alone), 0);
    t.same(alone, rows(20), 'a run over one slot sees what lies there');
    t.same([0, 1, 2].map(read), [rows(10), rows(30), rows(20)]);
  });
}
