import { writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { readRotary } from '../../../../src/engine/process/kernels/rotary.js';
import { encodeModel } from '../../../../src/layouts/onnx.js';

const POSITIONS = 40;
const FREQUENCIES = [1, 0.2, 0.003];

/** A graph whose tables turn by `angle`, and make what they turn `length` times as long. */
function graph(folder: string, angle: (position: number, frequency: number) => number, length = 1): string {
  const table = (of: (angle: number) => number) =>
    Float32Array.from({ length: POSITIONS * 3 }, (_, i) => length * of(angle(Math.floor(i / 3), FREQUENCIES[i % 3]!)));
  const [cos, sin] = [table(Math.cos), table(Math.sin)];
  writeFileSync(path.join(folder, 'data'), Buffer.concat([Buffer.from(cos.buffer), Buffer.from(sin.buffer)]));
  const initializer = ['rotary_cos', 'rotary_sin'].map((name, i) => ({
    name,
    dims: [POSITIONS, 3],
    data_type: 1,
    data_location: 1,
    external_data: [
      { key: 'location', value: 'data' },
      { key: 'offset', value: String(i * cos.byteLength) },
    ],
  }));
  writeFileSync(path.join(folder, 'graph.onnx'), encodeModel({ initializer }));
  return folder;
}
const read = (folder: string, positions = 20) => readRotary(folder, 'graph.onnx', 3, positions);

t.test('the turns of a graph are read as far as a slot goes', async (t) => {
  const tables = read(graph(t.testdir(), (position, frequency) => position * frequency))!;
  t.equal(tables.cos.length, 60);
  t.equal(tables.sin[7 * 3 + 1], Math.fround(Math.sin(7 * 0.2)));
});

t.test('keys are left where they are that cannot be turned on', async (t) => {
  t.equal(read(graph(t.testdir(), (position, frequency) => position * frequency, 1.2)), null, 'they are stretched');
  t.equal(read(graph(t.testdir(), (position, frequency) => position ** 1.1 * frequency)), null, 'turns do not add up');
});

t.test('a graph without tables in a file is refused', async (t) => {
  writeFileSync(path.join(t.testdir({}), 'graph.onnx'), encodeModel({ initializer: [] }));
  t.throws(() => read(t.testdirName), /no rotary_cos/);
});
