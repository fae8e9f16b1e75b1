import { once } from 'node:events';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { loadConfig } from '../../../src/config/load.js';
import { checkBackups } from '../../../src/doctor/backups.js';
import { checkCertificate } from '../../../src/doctor/certificate.js';
import { checkEngines } from '../../../src/doctor/engines.js';
import type { Finding } from '../../../src/doctor/finding.js';
import { checkPorts } from '../../../src/doctor/port.js';
import { checkSamples } from '../../../src/doctor/samples.js';
import { openSqlite } from '../../../src/sqlite/open.js';
import { createTestServer } from '../../http/fakes.js';
import { MODELS } from '../gateway-process.js';
import { openTestRegistry } from '../registry/open.js';
import { run } from './cli-app.js';

const VARIABLES = { SWITCHYARD_MODELS_BASE: 'smollm2-135m-instruct', PORT: '0' };

/** Findings by what they are about, with these settings and the test's models. */
async function doctor(t: Test, files: Record<string, string>, variables: Record<string, string> = {}) {
  const dataDir = t.testdir(files);
  if (!('models' in files)) symlinkSync(MODELS, join(dataDir, 'models'));
  const set = { ...VARIABLES, SWITCHYARD_DATA: dataDir, ...variables };
  Object.assign(process.env, set);
  t.teardown(() => {
    for (const name of Object.keys(set)) delete process.env[name];
  });
  const { code, out, err } = await run('--json', 'doctor');
  const findings = JSON.parse(out) as Finding[];
  for (const { what, state, advice } of findings)
    t.equal(advice === null, state === 'good', `${what} has advice where it needs it`);
  return { code, err, of: Object.fromEntries(findings.map((finding) => [finding.what, finding])) };
}

t.test('where all is well it says what was looked at', async (t) => {
  const { code, of } = await doctor(t, {});
  t.equal(code, 0);
  t.match(of, {
    versions: { found: new RegExp(`Node ${process.versions.node}`) },
    configuration: { state: 'good', found: /other than the defaults: server.port, models.base/ },
    kernels: { state: 'good', found: /self-test passes for .*scalar/ },
    memory: { found: /copies \d+\.\d GB\/s/ },
    disk: { found: /a durable write takes \d+\.\d ms/ },
    'base model': { state: 'good', found: /smollm2-135m-instruct: .*tokenizer\.json [0-9a-f]{12}/ },
    databases: { state: 'good' },
    port: { state: 'good', found: /is free/ },
  });
});

t.test(
  'a damaged database, a model that was never fetched and a port of something else are bad, and it says what to do',
  async (t) => {
    const other = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.teardown(() => other.close());
    const { code, err, of } = await doctor(
      t,
      { 'registry.db': 'SQLite format 3\0 and then nothing of the kind' },
      { SWITCHYARD_MODELS_BASE: 'never-fetched', PORT: String((other.address() as AddressInfo).port) },
    );
    t.equal(code, 1);
    t.match(err, /To be put right before it can serve: 3/);
    t.match(of, {
      'base model': { state: 'bad', advice: /switchyard models pull never-fetched/ },
      'registry.db': { state: 'bad', advice: /switchyard restore/ },
      port: { state: 'bad', found: /something other than a gateway/ },
    });
  },
);

t.test('backups on a schedule are looked for, and whether they can be made', async (t) => {
  const root = t.testdir({ data: {}, file: '', backups: { 'by-hand': {}, 'switchyard-2026-11-27T04-00-00Z': {} } });
  const look = (folder: string, nowMs: number, demo = 'false') => {
    const env = { SWITCHYARD_DATA: join(root, 'data'), SWITCHYARD_BACKUP_FOLDER: folder, SWITCHYARD_DEMO: demo };
    return checkBackups(loadConfig({ env, cwd: root }), nowMs);
  };
  const dayAfter = Date.UTC(2026, 10, 28, 3);
  t.match(await look('', dayAfter), [{ state: 'poor', advice: /backup\.folder/ }]);
  t.same(await look('', dayAfter, 'true'), [], 'samples need none');
  t.match(await look('backups', dayAfter), [{ state: 'good', found: /1 in .*, the newest of 2026-11-27 04:00 UTC/ }]);
  t.match(await look('backups', dayAfter + 2 * 86_400_000), [{ state: 'poor', advice: /SwitchyardBackupOld/ }]);
  t.match(await look('to/come', dayAfter), [{ state: 'good', found: /none yet in .*to\/come/ }]);
  t.match(await look('file/backups', dayAfter), [{ state: 'bad', advice: /write there/ }]);
});

t.test('a gateway with TLS is seen, and until when its certificate is good', async (t) => {
  const of = (name: string) => resolve('tests/fixtures/tls', name);
  const tls = { certFile: of('server-1.pem'), keyFile: of('server-1.key'), clientCaFile: '' };
  const { app } = await createTestServer({ tls });
  t.teardown(() => app.close());
  await app.listen({ port: 0, host: '127.0.0.1' });
  const look = async (files: Partial<Record<'CERT' | 'KEY' | 'CLIENT_CA', string>>) => {
    const all = { CERT: tls.certFile, KEY: tls.keyFile, ...files };
    const PORT = String((app.server.address() as AddressInfo).port);
    const variables = Object.entries(all).map(([what, file]) => [`SWITCHYARD_TLS_${what}_FILE`, file]);
    const config = loadConfig({ env: { PORT, ...Object.fromEntries(variables) } });
    return [...checkCertificate(config), ...(await checkPorts(config))];
  };
  t.match(await look({}), [
    { state: 'good', found: /for DNS:localhost, .* valid until Nov .* 2126/ },
    { state: 'good', found: /a gateway listens on \d+ and is ready/ },
  ]);
  const operators = loadConfig({
    env: { PORT: '0', SWITCHYARD_ADMIN_PORT: String((app.server.address() as AddressInfo).port) },
  });
  t.match(await checkPorts({ ...operators, tls }), [{}, { what: 'admin port', state: 'good', found: /is ready/ }]);
  t.match(await look({ CERT: of('server-2.pem') }), [{ state: 'bad', found: /is not the key of/ }, { state: 'bad' }]);
  t.match(await look({ CERT: of('client.key') }), [{ state: 'bad', advice: /in PEM/ }, { state: 'bad' }]);
  const config = loadConfig({ env: { SWITCHYARD_TLS_CERT_FILE: tls.certFile, SWITCHYARD_TLS_KEY_FILE: tls.keyFile } });
  t.match(checkCertificate(config, Date.UTC(2126, 9, 25)), [{ state: 'poor', advice: /Renew it/ }]);
  t.match(checkCertificate(config, Date.UTC(2126, 11, 1)), [{ state: 'bad', advice: /Renew it/ }]);
});

t.test('a model with a changed byte is named', async (t) => {
  const manifest = {
    format: 'switchyard-decoder-2',
    id: 'tiny',
    files: { 'model.onnx': { bytes: 7, sha256: '0'.repeat(64) } },
    shape: { layers: 1, kvHeads: 1, headDim: 8 },
    importer: { version: 3 },
  };
  const dataDir = t.testdir({
    models: { tiny: { 'manifest.json': JSON.stringify(manifest), 'model.onnx': 'weights' } },
  });
  writeFileSync(join(dataDir, 'models/tiny/model.onnx'), 'weightz');
  Object.assign(process.env, { SWITCHYARD_DATA: dataDir, SWITCHYARD_MODELS_BASE: 'tiny', PORT: '0' });
  t.teardown(() => {
    for (const name of ['SWITCHYARD_DATA', 'SWITCHYARD_MODELS_BASE', 'PORT']) delete process.env[name];
  });
  t.match((await run('doctor')).out, /bad +base model +tiny: model\.onnx missing or changed\n +→ Delete its folder/);
});

t.test(
  'a data folder whose samples are of an older release is poor, and one command brings them up to date',
  async (t) => {
    const dataDir = t.testdir({ old: { weights: 'of an older release' } });
    const registry = await openTestRegistry(dataDir);
    await registry.createTenant({ id: 'copilot', name: 'Copilot' });
    const add = (folder: string) => registry.addAdapter({ tenant: 'copilot', name: 'copilot', folder });
    await add(join(dataDir, 'old'));
    const look = async () => {
      const { baseDigest } = JSON.parse(readFileSync(join(MODELS, 'smollm2-135m-instruct/manifest.json'), 'utf8')) as {
        baseDigest: string;
      };
      const database = openSqlite(join(dataDir, 'registry.db'));
      database.prepare('UPDATE adapters SET base_digest = ?').run(baseDigest);
      database.close();
      return checkSamples(loadConfig({ env: { ...VARIABLES, SWITCHYARD_DATA: dataDir } }));
    };
    symlinkSync(MODELS, join(dataDir, 'models'));
    t.match(await look(), [
      { what: 'samples', state: 'poor', found: /: copilot$/, advice: /switchyard samples update/ },
    ]);
    await add('adapters/smollm2-135m-instruct/copilot-1');
    t.match(await look(), [{ what: 'samples', state: 'good' }]);
    await registry.close();
  },
);

t.test('a wrong configuration ends the look: the rest depends on it', async (t) => {
  const { code, of } = await doctor(t, {}, { SWITCHYARD_ENGINE_SLOTS: '99' });
  t.equal(code, 1);
  t.match(of.configuration, { state: 'bad', found: /SWITCHYARD_ENGINE_SLOTS must be an integer from 1 to 64/ });
  t.notOk(of.port);
});

t.test('kernels that this processor has not are bad, more threads than cores poor', async (t) => {
  const { of } = await doctor(t, {}, { SWITCHYARD_ENGINE_KERNELS: 'amx', SWITCHYARD_ENGINE_THREADS: '256' });
  t.match(of.processor, { state: 'poor', advice: /leave it at 0/ });
  if (of.kernels?.state === 'bad') t.match(of.kernels, { found: /cannot run amx/, advice: /"auto"/ });
});

t.test('caches that no memory has room for are poor, that of passages among them', async (t) => {
  const { of } = await doctor(t, {}, { SWITCHYARD_ENGINE_PASSAGE_CACHE_BYTES: String(2 ** 40) });
  t.match(of.memory, { state: 'poor', found: /up to 10\d\d\.\d GiB/, advice: /engine\.passageCacheBytes/ });
});

t.test('servers of a pool that cannot be reached are named, and deployments whose engine is not there', async (t) => {
  const near = createServer().listen(0, '127.0.0.1');
  await once(near, 'listening');
  t.teardown(() => near.close());
  const dataDir = t.testdir({});
  const registry = await openTestRegistry(dataDir, { engines: ['embedded', 'tpu'] });
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  const retrieval = { enabled: false, topK: 3, minScore: 0, budgetTokens: 100 };
  const deployment = { tenant: 'bank', adapter: null, stableVersion: null, instructions: '', retrieval };
  for (const engine of ['embedded', 'tpu', null]) {
    await registry.putDeployment({ ...deployment, name: `on-${engine ?? 'default'}`, engine });
  }
  await registry.close();
  const urls = `http://127.0.0.1:${(near.address() as AddressInfo).port}`;
  const pools = { gpu: { urls }, far: { urls: `${urls}/v2,http://127.0.0.1:9` } };
  const env = { SWITCHYARD_DATA: dataDir, SWITCHYARD_ENGINES_POOLS: JSON.stringify(pools) };
  t.match(await checkEngines(loadConfig({ env, cwd: dataDir })), [
    { what: 'engine gpu', state: 'good', found: '1 of 1 servers (vllm) can be reached' },
    { what: 'engine far', state: 'poor', found: /^1 of 2 servers .*http:\/\/127\.0\.0\.1:9: .*ECONNREFUSED/ },
    { what: 'deployments', state: 'poor', found: /: on-tpu of bank \(tpu\)$/, advice: /one of embedded, gpu, far:/ },
  ]);
});

t.test('settings are printed, as a table and as a file', async (t) => {
  process.env.SWITCHYARD_ENGINE_SLOTS = '3';
  t.teardown(() => delete process.env.SWITCHYARD_ENGINE_SLOTS);
  t.match((await run('config', 'print')).out, /engine\.slots +3 +8 +SWITCHYARD_ENGINE_SLOTS\n/);
  t.match(JSON.parse((await run('--json', 'config', 'print')).out), { demo: true, engine: { slots: 3 } });
});

t.test('of settings that hold secrets it is printed that they are set, and no more', async (t) => {
  const set = {
    SWITCHYARD_DATABASE_URL: 'postgres://gateway:S3CRET@db/documents',
    SWITCHYARD_REGISTRY_URL_FILE: join(t.testdir({ url: 'postgres://db/r?password=S3CRET' }), 'url'),
    SWITCHYARD_UPSTREAM_API_KEY: 'S3CRET',
    SWITCHYARD_UPSTREAM_URLS: 'http://me:S3CRET@10.0.0.1:8000',
    SWITCHYARD_TRACING_ENDPOINT: 'https://me:S3CRET@traces/v1/traces',
  };
  Object.assign(process.env, set);
  t.teardown(() => {
    for (const name of Object.keys(set)) delete process.env[name];
  });
  for (const form of [[], ['--json']]) {
    const { out } = await run(...form, 'config', 'print');
    t.notMatch(out, 'S3CRET');
    for (const where of [/@db\/documents/, /@10\.0\.0\.1:8000/, /@traces/, /\?password=‹redacted›/])
      t.match(out, where);
  }
});
