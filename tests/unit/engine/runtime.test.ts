import t from 'tap';
import { chooseOperators } from '../../../src/engine/process/runtime.js';

t.test('the kernels for the best instruction set run where there are some', async (t) => {
  t.match(chooseOperators('auto', ['avx512_vnni', 'avx2', 'scalar']), { kernelPath: 'avx512_vnni' });
});

t.test("onnxruntime's operators run where the kernels are not built, or would be plain C++", async (t) => {
  t.match(chooseOperators('auto', null), { kernelPath: null, reason: /not built; npm run build:native/ });
  t.match(chooseOperators('auto', ['scalar']), { kernelPath: null, reason: /no path for this CPU/ });
});

t.test('what the configuration names runs, or the engine does not start', async (t) => {
  t.match(chooseOperators('stock', ['avx2', 'scalar']), { kernelPath: null, reason: 'as configured' });
  t.match(chooseOperators('avx2', ['avx512_vnni', 'avx2', 'scalar']), { kernelPath: 'avx2' });
  t.match(chooseOperators('scalar', ['scalar']), { kernelPath: 'scalar' });
  t.throws(() => chooseOperators('amx', ['avx2', 'scalar']), /engine\.kernels is amx, .* can run avx2, scalar/);
  t.throws(() => chooseOperators('avx2', null), /not built; run npm run build:native/);
});
