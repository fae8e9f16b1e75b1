/** What every answer asks of the registry: decision 0075. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { prepareAnswerWrites } from '../../../src/registry/answer-writes.js';
import { Sqlite } from '../../../src/sqlite/open.js';
import { answerRecord } from '../../fixtures/answer-record.js';
import { answerSignals } from '../../fixtures/answer-signals.js';
import { dataPolicy } from '../../fixtures/data-policy.js';
import { watchStatements } from '../../fixtures/sqlite/statements.js';
import { openTestRegistry, retrieval } from './open.js';

type Registry = Awaited<ReturnType<typeof openTestRegistry>>;

/** Asked at every request, whatever has changed in the database. */
const isRead = (text: string) => !/^PRAGMA (data|user)_version$/.test(text);
const TOOL = {
  tenant: 'bank',
  name: 'get_rate',
  description: 'A rate.',
  parameters: { type: 'object', properties: {} },
  url: 'https://rates.example.com/now',
  method: 'POST',
  timeoutMs: 1000,
} as const;
const POLITE = { name: 'polite', kind: 'profanity', action: 'flag' } as const;
const DEPLOYMENT = { tenant: 'bank', name: 'assistant', adapter: 'support', instructions: '', retrieval };

async function setUp(t: Test) {
  const root = t.testdir({ a: { weights: '1' }, b: { weights: '2' }, data: {} });
  const dataDir = join(root, 'data');
  const [registry, other] = [await openTestRegistry(dataDir), await openTestRegistry(dataDir)];
  t.teardown(async () => {
    await registry.close();
    await other.close();
  });
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  for (const folder of ['a', 'b'])
    await registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, folder) });
  await registry.putDeployment({ ...DEPLOYMENT, stableVersion: 1 });
  await registry.putTool(TOOL);
  await registry.putPolicy({ tenant: 'bank', name: 'careful', rules: { input: [], passages: [], output: [] } });
  await registry.putAlias({ tenant: 'bank', adapter: 'support', alias: 'champion', version: 1 });
  const { secret, id: keyId } = await registry.createKey({ tenant: 'bank', label: '', scopes: ['inference'] });
  return { dataDir, registry, other, secret, caller: { tenant: 'bank', keyId } };
}

const look = async (registry: Registry) => ({
  stable: (await registry.getDeployment('bank', 'assistant')).stableVersion,
  status: (await registry.getAdapterVersion('bank', 'support', 2)).status,
  alias: (await registry.getAlias('bank', 'support', 'champion')).version,
  tool: (await registry.toolsOf('bank', ['get_rate']))[0]!.description,
  policy: (await registry.getPolicy('bank', 'careful', null)).revision,
  consent: (await registry.getDataPolicy('bank')).trainingConsent,
  baseline: (await registry.baselineTime('bank', 'assistant')) !== null,
});
const BEFORE = {
  stable: 1,
  status: 'candidate',
  alias: 1,
  tool: 'A rate.',
  policy: 1,
  consent: false,
  baseline: false,
};

/** Each change, and what is different behind it. */
const CHANGES: readonly (readonly [change: (registry: Registry) => Promise<unknown>, after: object])[] = [
  [(one) => one.putDeployment({ ...DEPLOYMENT, stableVersion: 2 }), { stable: 2, status: 'approved' }],
  [(one) => one.putAlias({ tenant: 'bank', adapter: 'support', alias: 'champion', version: 2 }), { alias: 2 }],
  [(one) => one.putTool({ ...TOOL, description: 'Another.' }), { tool: 'Another.' }],
  [
    (one) => one.putPolicy({ tenant: 'bank', name: 'careful', rules: { input: [], passages: [], output: [POLITE] } }),
    { policy: 2 },
  ],
  [(one) => one.putDataPolicy('bank', dataPolicy({ trainingConsent: true })), { consent: true }],
  [(one) => one.putBaseline('bank', 'assistant', '{}'), { baseline: true }],
  [(one) => one.resetBaseline('bank', 'assistant'), { baseline: false }],
  [(one) => one.rollback('bank', 'assistant'), { stable: 1, status: 'quarantined' }],
];

t.test('what a route is made of is read once, and follows changes of this process and of others at once', async (t) => {
  const { registry, other, secret, caller } = await setUp(t);
  const texts = watchStatements(t);
  for (const one of [registry, other]) t.same(await look(one), BEFORE);
  const all = async () => {
    await registry.authenticate(secret);
    await registry.limitsOf(caller);
    await look(registry);
  };
  await all();
  texts.length = 0;
  await all();
  t.same(texts.filter(isRead), [], 'nothing is read again');

  let expected: object = BEFORE;
  for (const [i, [change, after]] of CHANGES.entries()) {
    expected = { ...expected, ...after };
    await change(i % 2 === 0 ? registry : other);
    // Others' changes are looked for once in each turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    for (const one of [registry, other]) t.same(await look(one), expected, `change ${i}`);
  }
});

t.test('a request begins with what others changed up to then, whatever was looked for in the same turn', async (t) => {
  const { registry, other, secret } = await setUp(t);
  const { keyId } = (await registry.authenticate(secret))!;
  await look(registry);
  await other.revokeKey('bank', keyId);
  t.equal(await registry.authenticate(secret), null);
});

t.test('nothing that is asked with an answer looks through what was stored before it', async (t) => {
  const { dataDir, registry, secret, caller } = await setUp(t);
  const texts = watchStatements(t);
  const { deployment } = answerRecord({});
  await registry.authenticate(secret);
  await registry.limitsOf(caller);
  await registry.pastUse(caller, { sinceMs: 0, month: '2026-11' });
  await look(registry);
  await registry.recordAnswer(answerRecord({ id: 'a1' }), 'somebody');
  await registry.recordSignals(answerSignals({ answerId: 'a1' }));
  await registry.putBaseline('bank', deployment, '{}');
  await registry.getBaseline('bank', deployment);
  await registry.getAnswer('bank', 'a1');
  await registry.getSignals('bank', 'a1');
  await registry.judgedAnswers(await registry.getDeployment('bank', 'assistant'));

  const database = new Sqlite(join(dataDir, 'registry.db'), { readonly: true });
  t.teardown(() => database.close());
  // Those run in a thread.
  const writes = prepareAnswerWrites((sql) => database.prepare(sql)).all({ answers: [], usage: [], signals: [] });
  texts.push(...writes.map(({ sql }) => sql));
  const planned = new Set(texts.filter((text) => /^(select|insert|update|delete)/i.test(text)));
  t.ok(planned.size >= 15, `${planned.size} statements`);
  for (const text of planned) {
    const places = [...text.matchAll(/\?/g)].map(() => null);
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${text}`).all(places);
    const steps = (plan as { detail: string }[]).map(({ detail }) => detail).join('; ');
    t.notMatch(steps, /SCAN (answers|answer_signals|feedback|reviews|usage|audit_lines|responses)\b/, text);
  }
});
