import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadConfig } from '../../src/config/load.js';
import { createEngine } from '../../src/engine/client.js';
import { IMPORTER_VERSION, readBaseManifest } from '../../src/layouts/manifest.js';
import { createAdapterCompiler } from '../../src/model-import/lora/compiler.js';
import { createRetrieval } from '../../src/retrieval/client.js';
import { HANG_TIMEOUT_MS, readModelManifest, SETTINGS } from '../fixtures/engine/engine.js';
import { inlineTokenizer, loadModelTokenizer } from '../fixtures/tokenizer/inline-tokenizer.js';

const FORMATS = { base: 'switchyard-decoder-2', embedder: 'switchyard-embedder-3' };
const clock = { now: Date.now, monotonicMs: () => performance.now() };
const tokenizer = loadModelTokenizer().then(inlineTokenizer);
const log = { info: () => {}, warn: () => {}, error: () => {} };

/** Folders `base` and `embedder` with manifests that are right in all but the importer's version. */
function importedBy(t: Test, version: number): string {
  const importer = { version, createdAt: '2026-01-01T00:00:00.000Z' };
  const manifest = (format: string) => ({
    'manifest.json': JSON.stringify({ ...readModelManifest(), format, importer }),
  });
  return t.testdir({ base: manifest(FORMATS.base), embedder: manifest(FORMATS.embedder) });
}

for (const version of [IMPORTER_VERSION - 1, IMPORTER_VERSION + 1]) {
  t.test(`whatever opens a model refuses what version ${version} of the importer wrote`, async (t) => {
    const dataDir = importedBy(t, version);
    const modelDir = join(dataDir, 'base');
    const start = { dataDir, modelDir, hangTimeoutMs: HANG_TIMEOUT_MS, clock, log };
    const refused = {
      code: 'model_unavailable',
      message: new RegExp(`version ${version} of the importer.*models pull`),
    };

    const calibrationFile = join(dataDir, 'calibration.json');
    const engine = { ...start, settings: SETTINGS, tokenizer: await tokenizer, calibrationFile };
    await t.rejects(createEngine(engine), refused);

    const { retrieval: config, database } = loadConfig({ env: {}, cwd: dataDir });
    const embedder = { modelDir: join(dataDir, 'embedder'), baseModelDir: modelDir };
    await t.rejects(
      createRetrieval({ ...start, ...embedder, config, database, callTimeoutMs: HANG_TIMEOUT_MS }),
      refused,
    );

    await t.rejects(createAdapterCompiler({ modelDir, dataDir, maxRank: 16 }).compile(dataDir), refused);
  });
}

t.test('a folder without an import, or with one of another kind, says what to do', async (t) => {
  const missing = { code: 'model_unavailable', message: /tiny .*not imported.*models pull/ };
  await t.rejects(readBaseManifest('/nonexistent/tiny'), missing);
  const other = { code: 'model_unavailable', message: /switchyard-embedder-3/ };
  await t.rejects(readBaseManifest(join(importedBy(t, IMPORTER_VERSION), 'embedder')), other);
});
