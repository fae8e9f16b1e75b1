import { createHash } from 'node:crypto';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { IMPORTER_VERSION } from '../../../src/layouts/manifest.js';
import { run } from './cli-app.js';

/** A data folder with one imported model, whose weights are as given. */
function dataDir(t: Test, weights: string): string {
  const sha256 = createHash('sha256').update('weights').digest('hex');
  const manifest = {
    format: 'switchyard-decoder-2',
    id: 'tiny',
    files: { 'model.onnx': { bytes: 7, sha256 } },
    importer: { version: IMPORTER_VERSION },
  };
  const files = { 'manifest.json': JSON.stringify(manifest), 'model.onnx': weights };
  const dir = t.testdir({ models: { tiny: files }, 'broken.gguf': 'GGUF' });
  process.env.SWITCHYARD_DATA = dir;
  t.teardown(() => delete process.env.SWITCHYARD_DATA);
  return dir;
}

t.test('models that are known or imported are listed', async (t) => {
  dataDir(t, 'weights');
  const { code, out } = await run('models', 'list');
  t.equal(code, 0);
  t.match(out, /smollm2-135m-instruct +base +not imported +-\n/);
  t.match(out, /tiny +base +imported +7\n/);
});

t.test('sound files are verified, changed ones are named with both hashes', async (t) => {
  dataDir(t, 'weights');
  t.match(await run('models', 'verify'), { code: 0, out: /tiny +model\.onnx +sound/ });
  dataDir(t, 'weighty');
  const expected = /^switchyard: tiny\/model\.onnx has SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}/;
  t.match(await run('models', 'verify', 'tiny'), { code: 1, out: /tiny +model\.onnx +changed/, err: expected });
});

t.test('unknown models and unreadable sources are refused in one sentence', async (t) => {
  const dir = dataDir(t, 'weights');
  t.match(await run('models', 'pull', 'nothing'), {
    code: 1,
    err: /neither known nor imported.*models import FILE --id nothing/,
  });
  t.match(await run('models', 'pull', 'tiny'), { code: 0, err: 'tiny: ready\n' });
  t.match(await run('models', 'pull', 'hub:tiny'), { code: 1, err: /hub:tiny is not of the form hub:owner\/name/ });
  t.match(await run('models', 'pull', 'tiny', '--id', 'x'), { code: 2, err: /--id is for one model of the Hub/ });
  t.match(await run('models', 'verify', 'nothing'), { code: 1, err: /nothing does not exist/ });
  t.match(await run('models', 'import', join(dir, 'broken.gguf')), { code: 1, err: /broken\.gguf cannot be imported/ });
  t.match(await run('models', 'import', dir, '--floats', 'f32'), { code: 2, err: /Allowed choices are q8, q4/ });
});

t.test('a wrong configuration is told like any other error', async (t) => {
  dataDir(t, 'weights');
  process.env.SWITCHYARD_NONSENSE = '1';
  t.teardown(() => delete process.env.SWITCHYARD_NONSENSE);
  t.match(await run('models', 'list'), { code: 1, err: /SWITCHYARD_NONSENSE is not a setting/ });
});
