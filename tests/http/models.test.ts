import t from 'tap';
import { BASE, bearer, createTestServer, KEY_WITHOUT_ROUTE, OTHER_KEY } from './fakes.js';

t.test('the list has what the key can name: deployments, their versions, the base, the embedder', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const body = (await app.inject({ url: '/v1/models', headers: bearer() })).json();
  t.equal(body.object, 'list');
  t.same(
    body.data.map(({ id, root, parent }: Record<string, string>) => [id, root, parent]),
    [
      ['assistant', 'support@1', BASE],
      ['assistant@1', 'support@1', BASE],
      ['assistant@2', 'support@2', BASE],
      ['plain', BASE, BASE],
      [BASE, BASE, null],
      ['embedder', 'embedder', null],
    ],
  );
  t.match(body.data[0], {
    object: 'model',
    owned_by: 'bank',
    created: 1_700_000_000,
    digest: '1'.repeat(64),
    status: 'approved',
  });
});

t.test('each listed model can be fetched by its id', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const { data } = (await app.inject({ url: '/v1/models', headers: bearer() })).json();
  for (const card of data) {
    const response = await app.inject({ url: `/v1/models/${encodeURIComponent(card.id)}`, headers: bearer() });
    t.same(response.json(), card);
  }
});

t.test("another tenant's models do not exist", async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const { data } = (await app.inject({ url: '/v1/models', headers: bearer(OTHER_KEY) })).json();
  t.same(
    data.map(({ id }: { id: string }) => id),
    [BASE, 'embedder'],
  );
  const response = await app.inject({ url: '/v1/models/assistant', headers: bearer(OTHER_KEY) });
  t.equal(response.statusCode, 404);
  t.equal(response.json().error.code, 'model_not_found');
});

t.test(
  'a card tells what answers (root), the base that it was trained on (parent), its digest and its status',
  async (t) => {
    const { app, registry } = await createTestServer();
    t.teardown(() => app.close());
    registry.adapters.push({ ...registry.adapters[1]!, version: 3, digest: '3'.repeat(64), status: 'quarantined' });
    registry.adapters[1] = { ...registry.adapters[1]!, status: 'candidate' };
    const alias = { tenant: 'bank', adapter: 'support', alias: 'challenger', version: 2, revision: 1, updatedAt: 0 };
    registry.aliases.push(alias);
    const cards = async (key?: string) => {
      const { data } = (await app.inject({ url: '/v1/models', headers: bearer(key) })).json();
      return data.map((card: Record<string, string | null>) => [
        card.id,
        card.root,
        card.parent,
        card.digest?.slice(0, 1) ?? null,
        card.status,
      ]);
    };
    const named = [
      ['assistant', 'support@1', BASE, '1', 'approved'],
      ['assistant@1', 'support@1', BASE, '1', 'approved'],
      ['assistant@2', 'support@2', BASE, '2', 'candidate'],
    ];
    const others = [
      ['assistant@challenger', 'support@2', BASE, '2', 'candidate'],
      ['plain', BASE, BASE, 'b', null],
      [BASE, BASE, null, 'b', null],
      ['embedder', 'embedder', null, null, null],
    ];
    t.same(await cards(), [...named, ['assistant@3', 'support@3', BASE, '3', 'quarantined'], ...others]);
    t.same(await cards(KEY_WITHOUT_ROUTE), [...named, ...others], 'what was taken back is not shown to everybody');
  },
);
