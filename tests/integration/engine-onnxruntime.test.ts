import v8 from 'node:v8';
import vm from 'node:vm';
import t from 'tap';
import { OnnxRuntime } from '../../src/engine/process/onnxruntime.js';
import { DataType } from '../../src/layouts/onnx.js';
import { GraphWriter } from '../../src/model-import/onnx/graph-writer.js';

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;

t.test('the library stays loaded however much garbage is collected', async (t) => {
  const runtime = new OnnxRuntime();
  const data = Float32Array.of(1, 2, 3, 4);
  for (let i = 0; i < 5; i++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
    runtime.releaseTensor(runtime.createTensor(data, [2, 2]));
  }
  t.pass();
});

t.test('GPUs are known by their vendors', async (t) => {
  t.same(
    new OnnxRuntime().gpus().filter((vendor) => !/[a-z]/i.test(vendor)),
    [],
  );
});

t.test('what onnxruntime refuses becomes an error with its words', async (t) => {
  const runtime = new OnnxRuntime();
  t.throws(() => runtime.createTensor(new Float32Array(3), [2, 2]), /^onnxruntime: not enough space/);
  const options = { threads: 1, spinUs: 0, inputs: 1 };
  t.throws(() => runtime.createSession('/missing.onnx', options), /onnxruntime: .*missing\.onnx/);
});

t.test('a graph with other inputs than the engine feeds is refused', async (t) => {
  const graph = new GraphWriter(null);
  const x = graph.input('x', DataType.float, ['N']);
  graph.node('Identity', [x], { outputs: [graph.output('y', DataType.float, ['N'])] });
  const model = graph.finish();
  const runtime = new OnnxRuntime();
  const create = (inputs: number) => runtime.createSession(model, { threads: 1, spinUs: 0, inputs });
  t.throws(() => create(2), /1 inputs instead of 2; import the model again/);
  runtime.releaseSession(create(1));
});
