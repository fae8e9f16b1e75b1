import t from 'tap';
import { BASE, bearer, createTestServer, OTHER_KEY } from './fakes.js';

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
