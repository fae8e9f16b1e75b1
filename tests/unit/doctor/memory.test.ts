import t from 'tap';
import { loadConfig } from '../../../src/config/load.js';
import type { ModelManifest } from '../../../src/contracts/model-manifest.js';
import { manifestsBeside, memoryNeed, requireMemory } from '../../../src/doctor/memory.js';

const GB = 1e9;
const base = {
  format: 'switchyard-decoder-2',
  shape: { layers: 24, kvHeads: 2, headDim: 64 },
  files: { 'kernels.onnx.data': { bytes: 402e6, sha256: '' }, 'model.onnx.data': { bytes: 543e6, sha256: '' } },
} as unknown as ModelManifest;

t.test('what a start needs is its models, and its slots and caches when they are full', async (t) => {
  const env = { SWITCHYARD_ENGINE_CONTEXT_TOKENS: '4096', SWITCHYARD_ENGINE_SLOTS: '8' };
  const config = loadConfig({ env });
  const { weights, most, limit } = memoryNeed(config, [base, null]);
  t.equal(weights, 543e6);
  const { slots, reservedSlots, contextTokens, prefixCacheTokens, passageCacheBytes, adapterCacheBytes } =
    config.engine;
  const tokens = (slots + reservedSlots) * contextTokens + prefixCacheTokens;
  const caches = passageCacheBytes + adapterCacheBytes + config.retrieval.indexMemoryBytes;
  t.equal(most, weights + tokens * 12_288 + caches, '12 KiB a token');
  t.ok(limit > GB);
});

t.test('an embedding model that stores may name counts as the own one does', async (t) => {
  const manifest = (bytes: number) => {
    const one = { format: 'switchyard-embedder-3', importer: { version: 3 }, files: { 'encoder.bin': { bytes } } };
    return { 'manifest.json': JSON.stringify(one) };
  };
  const dataDir = t.testdir({ models: { own: manifest(5), second: manifest(7), other: manifest(9) } });
  const env = { SWITCHYARD_MODELS_EMBEDDER: 'own', SWITCHYARD_MODELS_EMBEDDERS: 'second, none' };
  const { models, ...config } = loadConfig({ env });
  const others = await manifestsBeside({ dataDir, models: { ...models, ner: '' } });
  t.equal(memoryNeed(config, [null, ...others]).weights, 12);
});

t.test('where only servers answer, the base and its slots need nothing here', async (t) => {
  const config = loadConfig({ env: { SWITCHYARD_UPSTREAM_URLS: 'http://127.0.0.1:9' } });
  const { weights, most } = memoryNeed(config, [base, null]);
  t.same([weights, most], [0, config.retrieval.indexMemoryBytes]);
  const beside = loadConfig({ env: { SWITCHYARD_UPSTREAM_URLS: 'http://a:1', SWITCHYARD_ENGINES_EMBEDDED: 'true' } });
  t.equal(memoryNeed(beside, [base, null]).weights, 543e6);
});

t.test('a start without room for its models is refused, one whose caches may outgrow it is told so', async (t) => {
  const told: string[] = [];
  const warn = (text: string) => told.push(text);
  requireMemory('m', { weights: GB, most: 2 * GB, limit: 3 * GB }, warn);
  t.same(told, []);
  requireMemory('m', { weights: GB, most: 4 * GB, limit: 3 * GB }, warn);
  t.match(told, [/take up to 4\.0 GB of memory, and there are 3\.0 GB; "switchyard doctor"/]);
  t.throws(() => requireMemory('m', { weights: 5 * GB, most: 6 * GB, limit: 3 * GB }, warn), {
    code: 'model_too_large',
    message: /m needs about 5\.0 GB of memory, and there are 3\.0 GB/,
  });
});
