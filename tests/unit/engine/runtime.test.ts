import t from 'tap';
import { loadNativeKernels } from '../../../src/engine/process/kernels/native.js';
import { chooseOperators } from '../../../src/engine/process/runtime.js';

/** Kernels with these paths, of which some fail their self-test. */
function kernels(paths: readonly string[], faults: Readonly<Record<string, string>> = {}) {
  return { paths, faultOf: (path: string) => faults[path] ?? null };
}

t.test('the kernels for the best instruction set run where there are some', async (t) => {
  t.match(chooseOperators('auto', kernels(['avx512_vnni', 'avx2', 'scalar'])), { kernelPath: 'avx512_vnni' });
});

t.test("onnxruntime's operators run where the kernels are not built, or would be plain C++", async (t) => {
  t.match(chooseOperators('auto', null), { kernelPath: null, reason: /not built; npm run build:native/ });
  t.match(chooseOperators('auto', kernels(['scalar'])), { kernelPath: null, reason: /no path for this CPU/ });
});

t.test('what the configuration names runs, or the engine does not start', async (t) => {
  t.match(chooseOperators('stock', kernels(['avx2', 'scalar'])), { kernelPath: null, reason: 'as configured' });
  t.match(chooseOperators('avx2', kernels(['avx512_vnni', 'avx2', 'scalar'])), { kernelPath: 'avx2' });
  t.match(chooseOperators('scalar', kernels(['scalar'])), { kernelPath: 'scalar' });
  t.throws(
    () => chooseOperators('amx', kernels(['avx2', 'scalar'])),
    /engine\.kernels is amx, .* can run avx2, scalar/,
  );
  t.throws(() => chooseOperators('avx2', null), /not built; run npm run build:native/);
});

t.test('instructions that fail their self-test are passed over, and the reason says so', async (t) => {
  const wrong = kernels(['amx', 'avx512_vnni', 'scalar'], { amx: 'attention differs from plain C++' });
  t.same(chooseOperators('auto', wrong), {
    kernelPath: 'avx512_vnni',
    reason: 'the best here; not amx: in its self-test attention differs from plain C++',
  });
  t.throws(() => chooseOperators('amx', wrong), /engine\.kernels is amx, but in its self-test attention differs/);
  const allWrong = kernels(['avx2', 'scalar'], { avx2: 'attention differs from plain C++' });
  t.match(chooseOperators('auto', allWrong), { kernelPath: null, reason: /no path for this CPU; not avx2: in its/ });
});

t.test('every instruction set of this machine passes', async (t) => {
  const { paths, faultOf } = loadNativeKernels()!;
  for (const path of paths) t.equal(faultOf(path), null, path);
  t.equal(faultOf('abacus'), 'it is not available');
});
