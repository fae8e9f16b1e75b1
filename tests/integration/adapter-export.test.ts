import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { writePeerAdapters } from '../../bench/peers/adapters.js';
import { readBaseManifest } from '../../src/layouts/manifest.js';
import { createAdapterCompiler } from '../../src/model-import/lora/compiler.js';
import { exportAdapters } from '../../src/model-import/lora/gguf-form.js';
import { MODELS } from './gateway-process.js';

t.test('an adapter is exported as the file that llama.cpp has of the same numbers', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'switchyard-export-'));
  t.teardown(() => rmSync(dataDir, { recursive: true }));
  const modelDir = join(MODELS, 'smollm2-135m-instruct');
  const base = await readBaseManifest(modelDir);
  const [adapter] = writePeerAdapters(join(dataDir, 'peers'), base, 1);
  const { digest } = await createAdapterCompiler({ modelDir, dataDir, maxRank: 8 }).compile(adapter!.peftFolder);

  const folder = join(dataDir, 'gguf');
  const [exported] = await exportAdapters(dataDir, base, folder, []);
  t.same(exported, { digest, file: join(folder, `${digest}.gguf`) });
  t.ok(readFileSync(exported!.file).equals(readFileSync(adapter!.ggufFile)));
  t.same(await exportAdapters(dataDir, base, folder, [digest]), [exported], 'what is there already stays');
  await t.rejects(exportAdapters(dataDir, base, folder, ['f'.repeat(64)]), { code: 'not_found' });
});
