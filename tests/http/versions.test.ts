/** Which versions a request reaches, by their status and by aliases. */
import t, { type Test } from 'tap';
import type { VersionStatus } from '../../src/contracts/versions.js';
import { bearer, createTestServer, KEY_WITHOUT_ROUTE, OTHER_KEY } from './fakes.js';

async function setUp(t: Test, status: VersionStatus = 'approved') {
  const { app, registry } = await createTestServer();
  t.teardown(() => app.close());
  const mark = (version: number, status: VersionStatus) => {
    registry.adapters[version - 1] = { ...registry.adapters[version - 1]!, status };
  };
  mark(2, status);
  const alias = { tenant: 'bank', adapter: 'support', alias: 'challenger', version: 2, revision: 1, updatedAt: 0 };
  registry.aliases.push(alias);
  const ask = async (model: string, key?: string) => {
    const payload = { model, messages: [{ role: 'user', content: 'Hello?' }] };
    const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', headers: bearer(key), payload });
    return { status: response.statusCode, adapter: response.headers['x-adapter'], error: response.json().error };
  };
  const models = async (key?: string): Promise<{ id: string; status: string; root: string }[]> =>
    (await app.inject({ url: '/v1/models', headers: bearer(key) })).json().data;
  return { registry, mark, ask, models };
}

t.test('an alias is answered by its version, and listed', async (t) => {
  const { registry, ask, models } = await setUp(t);
  t.match(await ask('assistant@challenger'), { status: 200, adapter: 'support@2' });
  t.match(
    (await models()).find(({ id }) => id === 'assistant@challenger'),
    { root: 'support@2', digest: '2'.repeat(64), status: 'approved' },
  );
  registry.aliases[0] = { ...registry.aliases[0]!, version: 1 };
  t.match(await ask('assistant@challenger'), { status: 200, adapter: 'support@1' }, 'from the next request on');
  for (const model of ['assistant@champion', 'plain@challenger']) {
    t.match(await ask(model), { status: 404, error: { code: 'model_not_found' } }, model);
  }
  t.match(await ask('assistant@challenger', OTHER_KEY), { status: 404 }, "another tenant's");
});

t.test('a quarantined version is neither listed nor callable but for who may choose versions', async (t) => {
  const { ask, models } = await setUp(t, 'quarantined');
  const listed = async (key?: string) =>
    (await models(key)).map(({ id }) => id).filter((id) => id.startsWith('assistant@'));
  t.same(await listed(KEY_WITHOUT_ROUTE), ['assistant@1']);
  t.same(await listed(), ['assistant@1', 'assistant@2', 'assistant@challenger']);
  for (const model of ['assistant@2', 'assistant@challenger']) {
    t.match(await ask(model, KEY_WITHOUT_ROUTE), { status: 404, error: { code: 'model_not_found' } }, model);
    t.match(await ask(model), { status: 200, adapter: 'support@2' }, model);
  }
});

for (const status of ['revoked', 'retired'] as const) {
  t.test(`a ${status} version answers nobody who names it`, async (t) => {
    const { ask, models } = await setUp(t, status);
    t.match(await ask('assistant@2'), { status: 404, error: { code: 'model_not_found' } });
    t.notOk((await models()).some(({ root }) => root === 'support@2'));
  });
}

t.test('a deployment whose stable version was revoked refuses requests and says what to do', async (t) => {
  const { mark, ask } = await setUp(t);
  mark(1, 'revoked');
  const message = /support@1.*assistant.*revoked\. Roll the deployment back/;
  t.match(await ask('assistant'), { status: 503, error: { code: 'version_revoked', message } });
});
