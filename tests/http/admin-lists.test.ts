import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { answerRecord } from '../fixtures/answer-record.js';
import { answerSignals } from '../fixtures/answer-signals.js';
import { dataPolicy } from '../fixtures/data-policy.js';
import { adminApp, deployment } from './admin-app.js';

type Item = Readonly<Record<string, unknown>>;

const publicKey = () => generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
const rules = { input: [], passages: [], output: [] };

/** Two of everything that the admin API lists, or more. */
async function filled(t: Parameters<typeof adminApp>[0]) {
  const { root, call, registry, captures } = await adminApp(t);
  const by = { actor: 'key_1' };
  for (const id of ['cafe', 'shop']) await registry.createTenant({ id, name: id });
  for (const folder of ['one', 'two'])
    await registry.addAdapter({ tenant: 'bank', name: 'support', folder: `${root}/${folder}` });
  for (const name of ['a', 'b']) {
    await registry.putDeployment({ tenant: 'bank', name, ...deployment });
    await registry.putAlias({ tenant: 'bank', adapter: 'support', alias: name, version: 1 }, by);
    await registry.addSigner({ tenant: 'bank', name, publicKey: publicKey() });
    await registry.addWebhook({ tenant: 'bank', url: `https://ci.example.com/${name}`, events: [] });
    await registry.putPolicy({ tenant: 'bank', name, rules });
    const tool = { tenant: 'bank', name, description: name, parameters: { type: 'object' }, timeoutMs: 1000 };
    await registry.putTool({ ...tool, url: 'https://api.example.com', method: 'POST' });
    const report = { name, figures: { groundedness: 1 }, dataDigest: null };
    await registry.addEvaluation('bank', 'support', 1, report, by);
  }
  for (const weight of [5, 10, 20]) await registry.setCanary('bank', 'a', { version: 2, weight }, by);
  await registry.putDataPolicy('bank', dataPolicy({ captureRate: 1 }));
  const texts = { question: 'What is the fee?', answer: 'It is 5.', passages: [], marks: [], logprobs: null };
  // Two of one millisecond.
  for (const [id, createdAt] of [
    ['a1', 7],
    ['a2', 7],
    ['a3', 8],
  ] as const) {
    const record = answerRecord({ id, createdAt });
    await registry.recordAnswer(record);
    await registry.recordSignals(answerSignals({ answerId: id, groundedness: 0.1 }));
    captures.capture(record, texts, null);
  }
  await captures.forgetDocuments('bank', []);
  return { call, registry, captures };
}

const LISTS: readonly (readonly [path: string, id: string, count: number])[] = [
  ['/tenants', 'id', 3],
  ['/tenants/bank/keys', 'id', 2],
  ['/tenants/bank/adapters', 'version', 2],
  ['/tenants/bank/adapters/support/versions/1/events', 'seq', 2],
  ['/tenants/bank/adapters/support/versions/1/evaluations', 'seq', 2],
  ['/tenants/bank/aliases', 'alias', 2],
  ['/tenants/bank/deployments', 'name', 2],
  ['/tenants/bank/deployments/a/events', 'revision', 4],
  ['/tenants/bank/policies', 'name', 2],
  ['/tenants/bank/signers', 'name', 2],
  ['/tenants/bank/tools', 'name', 2],
  ['/tenants/bank/webhooks', 'id', 2],
  ['/tenants/bank/reviews', 'answerId', 3],
  ['/tenants/bank/captures', 'answerId', 3],
  ['/tenants/bank/audit', 'seq', 24],
];

t.test('every list of the admin API is read a page at a time', async (t) => {
  const { call } = await filled(t);
  for (const [path, id, count] of LISTS) {
    const { body: all } = await call('GET', path);
    t.match(all, { next: null }, path);
    t.equal(all.data.length, count, path);
    const paged: Item[] = [];
    for (let next: string | null = ''; next !== null; ) {
      const { body } = await call('GET', `${path}?limit=1${next && `&after=${encodeURIComponent(next)}`}`);
      t.equal(body.data.length, 1, path);
      paged.push(body.data[0]);
      next = body.next;
    }
    t.same(
      paged.map((item) => item[id]),
      all.data.map((item: Item) => item[id]),
      path,
    );
    const behind = await call('GET', `${path}?limit=1&after=${encodeURIComponent('no such thing')}`);
    t.match(behind, { status: 400, body: { error: { param: 'after', message: /Begin without it/ } } }, path);
    t.match(await call('GET', `${path}?limit=0`), { status: 400, body: { error: { param: 'limit' } } }, path);
    t.match(await call('GET', `${path}?page=2`), { status: 400, body: { error: { param: 'page' } } }, path);
  }
});

t.test('a page of answers begins where the one before ended, also when that is gone', async (t) => {
  const { call, registry } = await filled(t);
  const reviews = await call('GET', '/tenants/bank/reviews?limit=2');
  t.match(reviews.body.data, [{ answerId: 'a3' }, { answerId: 'a2' }]);
  const review = { verdict: 'accepted', labels: [], note: null, correction: null } as const;
  await registry.putReview({ tenant: 'bank', keyId: 'key_1' }, 'a2', review);
  const rest = await call('GET', `/tenants/bank/reviews?after=${reviews.body.next}`);
  t.match(rest.body, { data: [{ answerId: 'a1' }], next: null });

  const kept = await call('GET', '/tenants/bank/captures?limit=2');
  t.equal((await call('DELETE', '/tenants/bank/captures/a2')).status, 200);
  t.match((await call('GET', `/tenants/bank/captures?after=${kept.body.next}`)).body.data, [{ answerId: 'a1' }]);
});
