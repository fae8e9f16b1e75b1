import { join } from 'node:path';
import t from 'tap';
import type { Feedback } from '../../../src/contracts/registry.js';
import { Sqlite } from '../../../src/sqlite/open.js';
import { answerRecord } from '../../fixtures/answer-record.js';
import { answerSignals } from '../../fixtures/answer-signals.js';
import { openTestRegistry } from './open.js';

const bank = { tenant: 'bank', keyId: 'key_1' };

const answer = (id: string, tenant = 'bank') => answerRecord({ id, requestId: `req_${id}`, tenant, tools: [] });

const rated = (answerId: string, rating: 'up' | 'down'): Feedback => ({
  answerId,
  rating,
  score: null,
  categories: [],
  comment: null,
  correction: null,
});

const signals = (answerId: string) => answerSignals({ answerId, truncated: true });

t.test('a recorded answer is read back whole, by its tenant only, also after a restart', async (t) => {
  const dataDir = t.testdir({});
  const registry = await openTestRegistry(dataDir);
  await registry.recordAnswer(answer('a1'));
  t.same(await registry.getAnswer('bank', 'a1'), answer('a1'));
  await t.rejects(registry.getAnswer('copilot', 'a1'), { code: 'not_found' });
  await registry.close();
  const reopened = await openTestRegistry(dataDir);
  t.teardown(() => reopened.close());
  t.same(await reopened.getAnswer('bank', 'a1'), answer('a1'));
});

t.test('answers recorded at once are all kept, and can be read before their commit is awaited', async (t) => {
  const dataDir = t.testdir({});
  const registry = await openTestRegistry(dataDir);
  const recorded = Array.from({ length: 100 }, (_, i) => registry.recordAnswer(answer(`a${i}`)));
  t.equal((await registry.getAnswer('bank', 'a99')).id, 'a99');
  void registry.recordAnswer(answer('late'));
  await registry.close();
  await Promise.all(recorded);
  const reopened = await openTestRegistry(dataDir);
  t.teardown(() => reopened.close());
  t.equal((await reopened.getAnswer('bank', 'a0')).id, 'a0');
  t.equal((await reopened.getAnswer('bank', 'late')).id, 'late');
});

t.test('a record that cannot be kept fails loudly and the next one is kept', async (t) => {
  const registry = await openTestRegistry(t.testdir({}));
  t.teardown(() => registry.close());
  await registry.recordAnswer(answer('a1'));
  await t.rejects(registry.recordAnswer(answer('a1')), /UNIQUE/);
  await registry.recordAnswer(answer('a2'));
  t.equal((await registry.getAnswer('bank', 'a2')).id, 'a2');
});

t.test('usage of answers whose records a busy database takes not is written once it does', async (t) => {
  const dataDir = t.testdir({});
  const registry = await openTestRegistry(dataDir);
  await registry.recordAnswer(answer('a1'));
  const other = new Sqlite(join(dataDir, 'registry.db'));
  other.exec('BEGIN IMMEDIATE');
  await t.rejects(Promise.all([registry.recordAnswer(answer('a2')), registry.recordAnswer(answer('a3'))]), {
    code: 'SQLITE_BUSY',
  });
  other.exec('ROLLBACK');
  const query = { tenant: 'bank', key: null, deployment: null, version: null, from: null, to: null, groupBy: [] };
  const { promptTokens, completionTokens } = answer('a1');
  const of = (answers: number) => ({
    total: { answers, promptTokens: answers * promptTokens, completionTokens: answers * completionTokens },
  });
  t.match(await registry.usage(query), of(3), 'asked before anything else is recorded');

  other.exec('BEGIN IMMEDIATE');
  await t.rejects(registry.recordAnswer(answer('a4')), { code: 'SQLITE_BUSY' });
  other.exec('ROLLBACK');
  other.close();
  await registry.recordAnswer(answer('a5'));
  await registry.close();
  const reopened = await openTestRegistry(dataDir);
  t.teardown(() => reopened.close());
  t.match(await reopened.usage(query), of(5), 'with the next record');
  await t.rejects(reopened.getAnswer('bank', 'a2'), { code: 'not_found' });
});

t.test('an answer whose record is under way is found at once, by its tenant only', async (t) => {
  const registry = await openTestRegistry(t.testdir({}));
  t.teardown(() => registry.close());
  let onDisk = false;
  const recorded = registry.recordAnswer(answer('a1')).then(() => {
    onDisk = true;
  });
  t.same(await registry.getAnswer('bank', 'a1'), answer('a1'));
  await t.rejects(registry.getAnswer('copilot', 'a1'), { code: 'not_found' });
  t.equal(onDisk, false, 'nobody waited for the disk');
  const { isFirst } = await registry.addFeedback(bank, rated('a1', 'up'));
  t.equal(isFirst, true);
  await recorded;
});

t.test(
  'signals are kept with their answer, whether that is on the disk yet or not, and never without it',
  async (t) => {
    const registry = await openTestRegistry(t.testdir({}));
    t.teardown(() => registry.close());
    void registry.recordAnswer(answer('a1'));
    await registry.recordSignals(signals('a1'));
    t.same(await registry.getSignals('bank', 'a1'), signals('a1'));
    await registry.recordSignals(signals('nobody'));
    await registry.recordAnswer(answer('a2'));
    t.equal(await registry.getSignals('bank', 'a2'), null, 'not judged');
    await t.rejects(registry.getSignals('copilot', 'a1'), { code: 'not_found' });
    await t.rejects(registry.getSignals('bank', 'nobody'), { code: 'not_found' });
  },
);

t.test('an answer that could not be kept cannot be rated', async (t) => {
  const registry = await openTestRegistry(t.testdir({}));
  t.teardown(() => registry.close());
  const broken = { ...answer('a1'), promptTokens: 'many' as unknown as number };
  const failed = t.rejects(registry.recordAnswer(broken));
  await t.rejects(registry.addFeedback(bank, rated('a1', 'up')), { code: 'not_found' });
  await failed;
});

t.test('feedback goes to an answer of the own tenant, and the last rating of each caller is kept', async (t) => {
  const dataDir = t.testdir({});
  const registry = await openTestRegistry(dataDir);
  t.teardown(() => registry.close());
  void registry.recordAnswer(answer('a1'));
  await registry.addFeedback(bank, rated('a1', 'up'));
  await registry.addFeedback(bank, { ...rated('a1', 'down'), comment: 'wrong fee' });
  const other = { tenant: 'bank', keyId: 'key_2' };
  const { answer: about, isFirst } = await registry.addFeedback(other, rated('a1', 'up'));
  t.equal(about.id, 'a1');
  t.equal(isFirst, true);
  t.equal((await registry.addFeedback(other, rated('a1', 'up'))).isFirst, false);
  const db = new Sqlite(join(dataDir, 'registry.db'), { readonly: true });
  t.match(db.prepare('SELECT * FROM feedback').all(), [
    { answer_id: 'a1', key_id: 'key_1', rating: 'down', comment: 'wrong fee' },
    { answer_id: 'a1', key_id: 'key_2', rating: 'up' },
  ]);
  db.close();
  await t.rejects(registry.addFeedback({ tenant: 'copilot', keyId: 'key_9' }, rated('a1', 'up')), {
    code: 'not_found',
  });
  await t.rejects(registry.addFeedback(bank, rated('a2', 'up')), { code: 'not_found' });
  await t.rejects(registry.addFeedback(bank, { ...rated('a1', 'up'), comment: 'x'.repeat(4001) }), {
    code: 'invalid_value',
    params: { param: 'comment' },
  });
});
