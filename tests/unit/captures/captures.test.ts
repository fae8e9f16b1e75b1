import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCaptures } from '../../../src/captures/captures.js';
import { isSampled } from '../../../src/captures/sample.js';
import type { AuditChange } from '../../../src/contracts/audit.js';
import type { AnswerTexts } from '../../../src/contracts/judge.js';
import type { DataPolicy } from '../../../src/contracts/registry.js';
import { createMetrics } from '../../../src/metrics/metrics.js';
import { createScrub } from '../../../src/personal-data/scrub.js';
import { answerRecord } from '../../fixtures/answer-record.js';
import { dataPolicy } from '../../fixtures/data-policy.js';

const DAY_MS = 24 * 3600 * 1000;
const texts: AnswerTexts = {
  question: 'I am anna@example.org. What is the zebrafish fee?',
  answer: 'It is £5.',
  passages: [{ title: 'Fees', text: 'The fee is £5. Call +44 20 7946 0958.' }],
  marks: [],
  logprobs: null,
};

function open(t: Test, policies: Record<string, Partial<DataPolicy>>) {
  const clock = { now: 100 * DAY_MS };
  const notes: AuditChange[] = [];
  const dataDir = t.testdir({});
  const metrics = createMetrics({ maxLabelValues: 9 }, { now: () => 0, monotonicMs: () => 0 });
  const captures = openCaptures({
    dataDir,
    registry: {
      getDataPolicy: async (tenant) => ({ ...dataPolicy(policies[tenant] ?? {}), revision: 0 }),
      listTenants: async () => Object.keys(policies).map((id) => ({ id, name: id, createdAt: 0, revision: 1 })),
      hashUser: (tenant, user) => Buffer.from(`${tenant}/${user}`),
      noteChange: async (change) => void notes.push(change),
    },
    scrub: createScrub(null),
    metrics,
    clock: { now: () => clock.now },
    limits: { captureDays: 30, retentionDays: 90, maxCaptures: 3 },
    onFailed: (error) => t.error(error),
  });
  t.teardown(() => captures.close());
  const give = (id: string, change: Parameters<typeof answerRecord>[0] = {}, user: string | null = null) =>
    captures.capture(answerRecord({ id, createdAt: clock.now, ...change }), texts, user);
  const ids = async (tenant = 'bank') => {
    // What is being kept is waited for.
    await captures.forgetDocuments(tenant, []);
    return (await captures.list(tenant, { limit: 100, before: null })).map(({ answerId }) => answerId).sort();
  };
  return { captures, dataDir, clock, notes, metrics, policies, give, ids };
}

t.test('only who asks for it has texts kept, without personal data, and reading leaves a line', async (t) => {
  const { captures, notes, give, ids } = open(t, { bank: { captureRate: 1 }, shop: {} });
  give('a1');
  give('b1', { tenant: 'shop' });
  t.same([await ids(), await ids('shop')], [['a1'], []]);
  t.same(notes, [], 'a list holds no text');
  t.match(await captures.read('bank', 'a1'), {
    question: 'I am [email]. What is the zebrafish fee?',
    passages: [{ fileId: 'f1', title: 'Fees', text: 'The fee is £5. Call [phone].' }],
    redacted: 2,
  });
  t.match(notes, [{ tenant: 'bank', action: 'capture.read', subject: 'a1' }]);
  await t.rejects(captures.read('shop', 'a1'), { code: 'not_found' }, "another tenant's is not there");
  await t.rejects(captures.remove('shop', 'a1'), { code: 'not_found' });
  t.equal(notes.length, 1);
  await captures.remove('bank', 'a1');
  t.same(await ids(), []);
});

t.test('a rate is a share of the answers, the same ones each time', async (t) => {
  const kept = Array.from({ length: 4000 }, (_, n) => `chatcmpl-${n}`).filter((id) => isSampled(id, 0.1));
  t.ok(kept.length > 330 && kept.length < 470, `${kept.length} of 4000`);
  t.ok(kept.every((id) => isSampled(id, 0.1) && isSampled(id, 1) && !isSampled(id, 0)));
});

t.test('of a user and of a document nothing is left, not in the file either', async (t) => {
  const { captures, dataDir, notes, give, ids } = open(t, { bank: { captureRate: 1 } });
  const passage = (fileId: string) => ({ id: 'p', score: 1, fileId, byteStart: 0, byteEnd: 9 });
  const isOnDisk = () =>
    ['captures.db', 'captures.db-wal'].some((name) => readFileSync(join(dataDir, name)).includes('zebrafish'));
  give('a1', {}, 'anna');
  give('a2', { passages: [passage('f2')] }, 'ben');
  t.same(await ids(), ['a1', 'a2']);
  t.ok(isOnDisk());
  t.equal(await captures.forgetUser('shop', 'anna'), 0);
  t.equal(await captures.forgetUser('bank', 'anna'), 1);
  t.match(notes, [{ action: 'user.captures_forgotten', before: { captures: 1 } }]);
  t.equal(await captures.forgetDocuments('shop', ['f2']), 0);
  t.equal(await captures.forgetDocuments('bank', ['f2', 'f9']), 1);
  t.same(await ids(), []);
  t.notOk(isOnDisk());
});

t.test('texts go by age, by number, with their records, and when their tenant wants none any more', async (t) => {
  const { captures, clock, policies, give, ids } = open(t, {
    bank: { captureRate: 1 },
    brief: { captureRate: 1, captureDays: 5, retentionDays: 2 },
  });
  for (const tenant of ['bank', 'brief']) {
    for (const n of [40, 20, 4, 3, 2, 1]) give(`${tenant}-${n}`, { tenant, createdAt: clock.now - n * DAY_MS });
    await ids(tenant);
  }
  await captures.expire();
  t.same(await ids(), ['bank-1', 'bank-2', 'bank-3'], 'three at most');
  t.same(await ids('brief'), ['brief-1', 'brief-2'], 'no longer than their records');
  policies.bank = {};
  await captures.expire();
  t.same(await ids(), []);
});

t.test('what comes faster than it can be kept is left out, and counted', async (t) => {
  const { metrics, give, ids } = open(t, { bank: { captureRate: 1 } });
  for (let n = 0; n < 70; n++) give(`a${n}`);
  t.equal((await ids()).length, 64);
  t.match(await metrics.render(), /captures_total\{outcome="dropped"\} 6\n/);
});
