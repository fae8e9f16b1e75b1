import { join } from 'node:path';
import t from 'tap';
import type { UsageQuery } from '../../../src/contracts/quota.js';
import { Sqlite } from '../../../src/sqlite/open.js';
import { answerRecord } from '../../fixtures/answer-record.js';
import { dataPolicy } from '../../fixtures/data-policy.js';
import { makeOldRegistry, openTestRegistry } from './open.js';

const ALL: UsageQuery = { tenant: null, key: null, deployment: null, version: null, from: null, to: null, groupBy: [] };
const DAY_MS = 24 * 3600 * 1000;

t.test(
  'limits are set under a condition, hold at the next look, and each change is a line of the audit log',
  async (t) => {
    const registry = await openTestRegistry(t.testdir({}));
    t.teardown(() => registry.close());
    await registry.createTenant({ id: 'bank', name: 'Bank' });
    await registry.createTenant({ id: 'shop', name: 'Shop' });
    const { id: keyId } = await registry.createKey({ tenant: 'bank', label: '', scopes: ['inference'] });
    const caller = { tenant: 'bank', keyId };
    t.match(await registry.getLimits('bank', null), {
      revision: 0,
      updatedAt: null,
      limits: { tokensPerMinute: null },
    });
    t.match(await registry.limitsOf(caller), { tenant: { tokensPerMinute: null }, key: { requestsPerMinute: null } });

    const set = { tenant: 'bank', keyId: null, limits: { tokensPerMinute: 100, storedBytes: 5 } };
    t.match(await registry.putLimits(set, { ifRevision: 0 }), { revision: 1, limits: { tokensPerMinute: 100 } });
    t.match(await registry.putLimits(set), { revision: 1 }, 'the same again is no change');
    await t.rejects(registry.putLimits(set, { ifRevision: 0 }), {
      code: 'revision_mismatch',
      message: /revision 1, not 0/,
    });
    await registry.putLimits({ tenant: 'bank', keyId, limits: { requestsPerMinute: 7 } });
    t.match(await registry.limitsOf(caller), { tenant: { tokensPerMinute: 100 }, key: { requestsPerMinute: 7 } });
    t.match(await registry.limitsOf({ tenant: 'shop', keyId: 'key_x' }), { tenant: { tokensPerMinute: null } });

    const wrong = (keyOf: string | null, limits: object) =>
      registry.putLimits({ tenant: 'bank', keyId: keyOf, limits });
    await t.rejects(wrong(null, { tokensPerMinute: -1 }), { code: 'invalid_value', message: /^tokensPerMinute: / });
    await t.rejects(wrong(null, { queuedRequests: 1 }), { code: 'invalid_value', message: /^queuedRequests: / });
    await t.rejects(wrong(keyId, { storedBytes: 1 }), { code: 'invalid_value', message: /^storedBytes: / });
    await t.rejects(registry.putLimits({ tenant: 'shop', keyId, limits: {} }), { code: 'not_found' });
    await t.rejects(registry.getLimits('shop', keyId), { code: 'not_found' });

    const { entries } = await registry.listAudit('bank', { limit: 2, before: null });
    t.match(entries, [
      {
        action: 'key_limits.put',
        subject: keyId,
        before: { requestsPerMinute: null },
        after: { requestsPerMinute: 7 },
      },
      { action: 'limits.put', subject: 'bank', after: { tokensPerMinute: 100 } },
    ]);
  },
);

t.test('what every request reads follows changes of this process and of others at once', async (t) => {
  const dataDir = t.testdir({});
  const [registry, other] = [await openTestRegistry(dataDir), await openTestRegistry(dataDir)];
  t.teardown(async () => {
    await registry.close();
    await other.close();
  });
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  const { id: keyId, secret } = await registry.createKey({ tenant: 'bank', label: '', scopes: ['inference'] });
  for (const one of [registry, other]) t.match(await one.authenticate(secret), { keyId });
  await registry.putLimits({ tenant: 'bank', keyId: null, limits: { tokensPerMinute: 1 } });
  t.match(await other.limitsOf({ tenant: 'bank', keyId }), { tenant: { tokensPerMinute: 1 } });
  await other.putLimits({ tenant: 'bank', keyId: null, limits: { tokensPerMinute: 2 } });
  t.match(await registry.limitsOf({ tenant: 'bank', keyId }), { tenant: { tokensPerMinute: 2 } });
  await other.revokeKey('bank', keyId);
  for (const one of [registry, other]) t.equal(await one.authenticate(secret), null);
});

t.test(
  'usage is what the records say, to the token, by whatever it is told apart, and stays when they are deleted',
  async (t) => {
    const registry = await openTestRegistry(t.testdir({}));
    t.teardown(() => registry.close());
    await registry.createTenant({ id: 'bank', name: 'Bank' });
    const day = (n: number) => Date.UTC(2026, 10, n, 23, 59);
    const answers = [
      answerRecord({ id: 'a', promptTokens: 10, cachedTokens: 4, completionTokens: 1, createdAt: day(1) }),
      answerRecord({
        id: 'b',
        promptTokens: 20,
        cachedTokens: null,
        completionTokens: 2,
        createdAt: day(2),
        outcome: 'aborted',
      }),
      answerRecord({
        id: 'c',
        promptTokens: 30,
        completionTokens: 3,
        createdAt: day(2),
        adapter: null,
        keyId: 'key_2',
      }),
      answerRecord({ id: 'd', promptTokens: 40, completionTokens: 4, createdAt: day(2), tenant: 'shop' }),
    ];
    for (const answer of answers) void registry.recordAnswer(answer);
    t.same((await registry.usage(ALL)).total, {
      answers: 4,
      promptTokens: 100,
      cachedTokens: 244,
      completionTokens: 10,
    });
    const { rows } = await registry.usage({ ...ALL, tenant: 'bank', groupBy: ['day', 'version'] });
    t.same(rows, [
      { version: 'base', day: '2026-11-02', answers: 1, promptTokens: 30, cachedTokens: 120, completionTokens: 3 },
      { version: 'support@1', day: '2026-11-01', answers: 1, promptTokens: 10, cachedTokens: 4, completionTokens: 1 },
      { version: 'support@1', day: '2026-11-02', answers: 1, promptTokens: 20, cachedTokens: 0, completionTokens: 2 },
    ]);
    t.match((await registry.usage({ ...ALL, key: 'key_2' })).total, { promptTokens: 30 });
    t.match((await registry.usage({ ...ALL, from: '2026-11-02', to: '2026-11-02' })).total, { answers: 3 });
    t.match((await registry.usage({ ...ALL, to: '2026-10-31' })).total, { answers: 0, promptTokens: 0 });

    // Twice the same id: neither the record nor its tokens are kept.
    await t.rejects(registry.recordAnswer({ ...answers[0]!, promptTokens: 1000 }), /UNIQUE/);
    t.match((await registry.usage(ALL)).total, { answers: 4, promptTokens: 100 });

    const november = { sinceMs: day(2), month: '2026-11' };
    t.same(await registry.pastUse({ tenant: 'bank', keyId: null }, november), {
      answers: 2,
      tokens: 55,
      monthTokens: 66,
    });
    t.same(await registry.pastUse({ tenant: 'bank', keyId: 'key_2' }, { ...november, month: '2026-10' }), {
      answers: 1,
      tokens: 33,
      monthTokens: 0,
    });
    await registry.putDataPolicy('bank', dataPolicy({ maxAnswers: 0 }));
    t.equal(await registry.expireAnswers({ retentionDays: 3650, maxAnswers: 10 }), 3);
    t.match((await registry.usage(ALL)).total, { answers: 4, promptTokens: 100, completionTokens: 10 });
  },
);

t.test('usage of before is summed up from the records', async (t) => {
  const dataDir = t.testdir({});
  const row = (id: string, atMs: number) =>
    `INSERT INTO answers (id, request_id, tenant, key_id, deployment, adapter, arm, outcome, passages, prompt_tokens, completion_tokens, duration_ms, created_at)
     VALUES ('${id}', 'r', 'bank', 'key_1', 'assistant', NULL, 'base', 'completed', '[]', 5, 2, 1, ${atMs})`;
  await makeOldRegistry(dataDir, '0015', [row('a', DAY_MS), row('b', DAY_MS + 1), row('c', 2 * DAY_MS)]);
  const registry = await openTestRegistry(dataDir);
  t.teardown(() => registry.close());
  t.match((await registry.usage({ ...ALL, groupBy: ['day'] })).rows, [
    { day: '1970-01-02', answers: 2, promptTokens: 10, cachedTokens: 0, completionTokens: 4 },
    { day: '1970-01-03', answers: 1 },
  ]);
  const db = new Sqlite(join(dataDir, 'registry.db'), { readonly: true });
  t.equal(db.prepare('SELECT count(*) AS n FROM usage').pluck().get(), 2);
  db.close();
});
