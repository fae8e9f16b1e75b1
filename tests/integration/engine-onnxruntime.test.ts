import v8 from 'node:v8';
import vm from 'node:vm';
import t from 'tap';
import { OnnxRuntime } from '../../src/engine/process/onnxruntime.js';

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

t.test('what onnxruntime refuses becomes an error with its words', async (t) => {
  const runtime = new OnnxRuntime();
  t.throws(() => runtime.createTensor(new Float32Array(3), [2, 2]), /^onnxruntime: not enough space/);
  t.throws(() => runtime.createSession('/missing.onnx', { threads: 1, spinUs: 0 }), /onnxruntime: .*missing\.onnx/);
});
