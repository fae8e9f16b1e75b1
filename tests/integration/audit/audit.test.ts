import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { actingAs } from '../../../src/audit/actor.js';
import { openSigningKey, readPublicKey } from '../../../src/audit/signing-key.js';
import { readCheckpoints, verifyLogs } from '../../../src/audit/verify.js';
import { createRolloutController } from '../../../src/canary/controller.js';
import { DEFAULT_PLAN } from '../../../src/canary/decide.js';
import { Sqlite } from '../../../src/sqlite/open.js';
import { answerRecord } from '../../fixtures/answer-record.js';
import { bothArms } from '../../fixtures/judged-answers.js';
import { openRows } from '../../fixtures/retrieval/rows.js';
import { deployment } from '../../http/admin-app.js';
import { cliApp, run } from '../cli/cli-app.js';
import { openTestRegistry } from '../registry/open.js';

/** The command line on a data folder. */
async function on(t: Test, dataDir: string, ...argv: readonly string[]) {
  process.env.SWITCHYARD_DATA = dataDir;
  t.teardown(() => delete process.env.SWITCHYARD_DATA);
  return run(...argv);
}

t.test('every change of the registry is a line: who, what, before, after, why, when', async (t) => {
  const { root, registry, cli, json } = await cliApp(t);
  const bank = ['--tenant', 'bank'];
  const why = ['--reason', 'Ticket 7: größer'];
  for (const one of ['one', 'two']) {
    await registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, one) });
  }
  await registry.putDeployment({ tenant: 'bank', name: 'assistant', ...deployment });
  await cli('deployments', 'set-canary', 'assistant', ...bank, '--version', '2', '--weight', '5');
  await cli(...why, 'deployments', 'promote', 'assistant', ...bank);
  await cli('deployments', 'rollback', 'assistant', ...bank);
  const { id } = await json('keys', 'create', ...bank, '--label', 'backend');
  await cli('keys', 'revoke', id, ...bank);
  await cli('keys', 'revoke', id, ...bank);

  const { entries, head } = await registry.listAudit('bank', { limit: 100, before: null });
  const seen = entries.map(({ action, subject }) => `${action} ${subject}`).reverse();
  t.match(seen.slice(0, 3), ['tenant.created bank', /^key\.created /, /^key\.created /]);
  t.same(
    seen.slice(3),
    [
      'adapter.added support@1',
      'adapter.added support@2',
      'adapter.approved support@1',
      'deployment.created assistant',
      'deployment.canary_set assistant',
      'adapter.approved support@2',
      'deployment.promoted assistant',
      'adapter.quarantined support@2',
      'deployment.rolled_back assistant',
      `key.created ${id}`,
      `key.revoked ${id}`,
    ],
    'what changes nothing is no line',
  );
  const promoted = entries.find(({ action }) => action === 'deployment.promoted')!;
  t.match(promoted, {
    actor: { kind: 'key', id: /^key_/, tenant: 'bank', reason: 'Ticket 7: größer', requestId: String },
    before: { stableVersion: 1, canaryVersion: 2, canaryWeight: 5 },
    after: { stableVersion: 2, canaryVersion: null },
    at: Number,
  });
  t.match(head, { log: 'registry', tenant: 'bank', seq: entries.length, hash: entries[0]!.hash });
  t.notMatch(JSON.stringify(entries), /sk-|"hash":\{/, 'no secret is in it');

  t.match((await cli('audit', 'list', ...bank, '--limit', '2')).out, /key\.revoked +key_.*\n.*key\.created/);
  const older = await json('audit', 'list', ...bank);
  t.equal(older.data.length, entries.length);
  t.match(await on(t, join(root, 'data'), 'audit', 'verify'), { code: 0, out: /registry +bank +\d+ +sound/ });
  await t.rejects(registry.listAudit('nobody', { limit: 1, before: null }), { code: 'not_found' });
});

t.test(
  'what may be done with answers, whom a tenant forgot, and who looked at one are lines without text',
  async (t) => {
    const { root, registry, cli } = await cliApp(t);
    const messages = [{ role: 'user', content: 'I am Jane Doe. What is the fee?' }] as const;
    await registry.recordAnswer(answerRecord({ id: 'a1' }), 'Jane Doe');
    await registry.recordAnswer(answerRecord({ id: 'a2' }), 'Jane Doe');
    for (let i = 0; i < 2; i++) await cli('tenants', 'policy', 'bank', '--training-consent', 'yes');
    const reviewer = { tenant: 'bank', keyId: 'key_1' };
    const correction = { messages, answer: 'Jane Doe pays £5.' };
    await registry.putReview(reviewer, 'a1', {
      verdict: 'rejected',
      labels: ['wrong'],
      note: 'Jane Doe',
      correction: null,
    });
    await registry.putReview(reviewer, 'a1', { verdict: 'corrected', labels: [], note: null, correction });
    await t.rejects(
      registry.putReview(reviewer, 'a9', { verdict: 'rejected', labels: [], note: null, correction: null }),
    );
    t.equal(await registry.forgetUser('bank', 'Jane Doe'), 2);
    t.equal(await registry.forgetUser('bank', 'Jane Doe'), 0);

    const { entries } = await registry.listAudit('bank', { limit: 100, before: null });
    const rejected = { verdict: 'rejected', labels: ['wrong'], labelSchema: 1, reviewer: 'key_1' };
    const defaults = { retentionDays: null, maxAnswers: null, trainingConsent: false, storeResponses: true };
    t.match(entries.slice(0, 4), [
      { action: 'user.forgotten', subject: /^[0-9a-f]{64}$/, before: { answers: 2 }, after: null },
      { action: 'review.put', subject: 'a1', before: rejected, after: { verdict: 'corrected', labels: [] } },
      { action: 'review.put', subject: 'a1', before: null, after: rejected },
      {
        action: 'data_policy.put',
        before: defaults,
        after: { ...defaults, trainingConsent: true },
        actor: { kind: 'key' },
      },
    ]);
    t.equal(entries.filter(({ action }) => action === 'data_policy.put').length, 1, 'what changes nothing is no line');
    t.notMatch(JSON.stringify(entries), /Jane|£5/);
    t.match(await on(t, join(root, 'data'), 'audit', 'verify'), { code: 0 });
  },
);

t.test('each step of a rollout is one line, and what the controller decided is in its name', async (t) => {
  const { root, registry, json } = await cliApp(t);
  for (const one of ['one', 'two']) {
    await registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, one) });
  }
  await registry.putDeployment({ tenant: 'bank', name: 'assistant', ...deployment });
  const plan = { ...DEFAULT_PLAN, steps: [5, 20, 100], leastMs: 0 };
  await registry.startRollout('bank', 'assistant', { version: 2, plan });
  for (const what of ['pause', 'pause', 'resume'] as const) await registry.changeRollout('bank', 'assistant', what);
  const errors: unknown[] = [];
  const answers = bothArms(400).map((answer) => ({ ...answer, endedAt: Date.now() + 1000 }));
  const controller = createRolloutController({
    registry: { ...registry, judgedAnswers: async () => answers },
    clock: { now: Date.now, monotonicMs: () => performance.now() },
    lookEveryMs: 1000,
    holder: 'test',
    onLook: () => {},
    onExperiment: () => {},
    onError: (error) => errors.push(error),
  });
  await controller.look();
  await controller.close();
  t.same(errors, []);
  await json('deployments', 'rollback', 'assistant', '--tenant', 'bank', '--reason', 'Ticket 8');
  await registry.rollback('bank', 'assistant');

  const listed = await registry.listAudit('bank', { limit: 20, before: null });
  const entries = listed.entries.filter(({ action }) => action.startsWith('deployment.'));
  t.match(entries, [
    { action: 'deployment.rolled_back', actor: { kind: 'key', reason: 'Ticket 8' }, after: { rollout: null } },
    {
      action: 'deployment.rollout_advanced',
      actor: { kind: 'system', id: 'controller', tenant: null, reason: String },
      before: { canaryWeight: 5, rollout: { step: 0 } },
      after: { canaryWeight: 20, rollout: { step: 1 } },
    },
    { action: 'deployment.rollout_resumed', after: { rollout: { status: 'running' } } },
    { action: 'deployment.rollout_paused', after: { rollout: { status: 'paused' } } },
    { action: 'deployment.rollout_started', before: { rollout: null }, after: { canaryWeight: 5 } },
    { action: 'deployment.created' },
  ]);
  const events = await registry.listRolloutEvents('bank', 'assistant', 100);
  const { reason } = entries[1]!.actor;
  t.match(events, [
    { type: 'rolled_back', reason: 'Ticket 8' },
    { type: 'advanced', actor: 'controller', reason },
  ]);
  t.same(
    entries.map(({ after }) => (after as { revision: number }).revision),
    events.map(({ revision }) => revision),
    'one line an event',
  );
  t.match(await on(t, join(root, 'data'), 'audit', 'verify'), { code: 0 });
});

t.test('settings are noted where they are others than before', async (t) => {
  const registry = await openTestRegistry(t.testdir({}));
  await registry.noteSettings({ 'engine.slots': 8 });
  await registry.noteSettings({ 'engine.slots': 8 });
  await registry.noteSettings({ 'engine.slots': 9 });
  const { entries } = await registry.listAudit('*', { limit: 10, before: null });
  t.match(entries, [{ before: { 'engine.slots': 8 }, after: { 'engine.slots': 9 } }, { before: null }]);
  t.equal(entries.length, 2);
  await registry.close();
});

t.test(
  'uploaded, changed and deleted documents are lines of their own database, without a name that could not be purged',
  async (t) => {
    const dataDir = t.testdir({});
    const rows = await openRows(dataDir);
    const file = await rows.files.create(
      'bank',
      { filename: 'Jane Doe.txt', purpose: 'assistants', content: Buffer.from('a') },
      1,
    );
    const store = await rows.stores.create('bank', { name: 's', metadata: {} });
    await rows.storeFiles.attach(
      'bank',
      store.id,
      { fileId: file.id, attributes: {} },
      { limits: { files: 9, bytes: 99 }, nowS: 1 },
    );
    const actor = { kind: 'key', id: 'key_1', tenant: 'bank', requestId: 'r', reason: null } as const;
    await actingAs(actor, async () => {
      await rows.storeFiles.update('bank', store.id, file.id, { allowedGroups: ['hr'] }, 1);
      await rows.storeFiles.detach('bank', store.id, file.id, 1);
      await rows.files.delete('bank', file.id, 1);
      await rows.stores.delete('bank', store.id);
    });
    await rows.db.destroy();
    const exported = await on(t, dataDir, 'audit', 'export', '--raw');
    const lines = exported.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    t.match(lines, [
      { log: 'documents', seq: 1, action: 'file.uploaded', subject: file.id, after: { bytes: 1 } },
      { action: 'vector_store.created', subject: store.id, after: { redaction: 'off' } },
      { action: 'store_file.attached', subject: `${store.id}/${file.id}` },
      { action: 'store_file.changed', after: { allowedGroups: ['hr'] }, actor },
      { action: 'store_file.detached', after: null },
      { action: 'file.deleted', subject: file.id, before: { bytes: 1 } },
      { action: 'vector_store.deleted', subject: store.id },
    ]);
    t.notMatch(exported.out, /Jane/);
    const events = (await on(t, dataDir, 'audit', 'export', '--tenant', 'bank')).out.trim().split('\n');
    t.match(JSON.parse(events[5]!), {
      class_uid: 3004,
      type_uid: 300404,
      activity_id: 4,
      actor: { user: { uid: 'key_1' } },
      entity: { type: 'file', uid: file.id },
      metadata: { version: '1.3.0', sequence: 6, tenant_uid: 'bank', log_name: 'documents' },
    });
    t.equal((await on(t, dataDir, 'audit', 'export', '--tenant', 'other')).out, '');
  },
);

/** A log of five lines, and a connection that goes around the gateway. */
async function tampered(t: Test) {
  const dataDir = t.testdir({});
  const registry = await openTestRegistry(dataDir);
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  for (let i = 1; i < 5; i++) await registry.createKey({ tenant: 'bank', label: `${i}`, scopes: ['inference'] });
  await registry.close();
  const database = new Sqlite(join(dataDir, 'registry.db'));
  database.exec('DROP TRIGGER audit_lines_stay; DROP TRIGGER audit_lines_remain');
  t.teardown(() => database.close());
  const verify = (known = readCheckpoints(dataDir)) => verifyLogs(dataDir, readPublicKey(dataDir), known)[0]!.problem;
  return { dataDir, database, verify };
}

const STEPS: readonly (readonly [what: string, sql: string, problem: RegExp])[] = [
  ['changed', "UPDATE audit_lines SET line = replace(line, 'Bank', 'Bonk') WHERE seq = 1", /^line 1 was changed/],
  ['with another hash', "UPDATE audit_lines SET hash = 'a' WHERE seq = 3", /^line 3 was changed/],
  ['removed', 'DELETE FROM audit_lines WHERE seq = 2', /^line 2 is missing/],
  ['removed at the start', 'DELETE FROM audit_lines WHERE seq = 1', /^line 1 is missing/],
  ['removed at the end', 'DELETE FROM audit_lines WHERE seq = 5', /ends with line 4, and 5 were signed/],
  [
    'removed at the end, with a head to match',
    `DELETE FROM audit_lines WHERE seq = 5;
     UPDATE audit_heads SET seq = 4, hash = (SELECT hash FROM audit_lines WHERE seq = 4)`,
    /checkpoint at line 4 is not signed/,
  ],
  ['all removed', 'DELETE FROM audit_lines', /ends with line 0/],
  [
    'swapped',
    `UPDATE audit_lines SET seq = -2 WHERE seq = 2; UPDATE audit_lines SET seq = 2 WHERE seq = 3;
     UPDATE audit_lines SET seq = 3 WHERE seq = -2`,
    /^line 2 does not follow/,
  ],
  ['given to another tenant', "UPDATE audit_lines SET tenant = 'shop' WHERE seq = 5", /ends with line 4/],
  ['without a head', 'DELETE FROM audit_heads', /^line 5 is not signed/],
];

for (const [what, sql, problem] of STEPS) {
  t.test(`a log with a line ${what} is found`, async (t) => {
    const { dataDir, database, verify } = await tampered(t);
    t.equal(verify([]), null);
    database.exec(sql);
    t.match(verify([]), problem);
    t.match(await on(t, dataDir, 'audit', 'verify'), { code: 1, err: /not as it was written: / });
  });
}

t.test('a checkpoint that was kept elsewhere finds an old copy in the place of the log', async (t) => {
  const { dataDir, database, verify } = await tampered(t);
  const file = join(dataDir, 'kept.jsonl');
  const old = database.serialize();
  writeFileSync(file, (await on(t, dataDir, 'audit', 'checkpoint')).out);
  t.match(await on(t, dataDir, 'audit', 'verify', '--checkpoint', file), { code: 0 });

  const registry = await openTestRegistry(dataDir);
  await registry.createKey({ tenant: 'bank', label: 'later', scopes: ['inference'] });
  await registry.close();
  const later = readCheckpoints(dataDir);
  database.close();
  writeFileSync(join(dataDir, 'registry.db'), old);
  t.equal(verify([]), null, 'by itself it is sound');
  t.match(verify(later), /ends with line 5, and 6 were signed/);
});

t.test('lines stay, and the key is its owner’s alone and stays the same', async (t) => {
  const dataDir = t.testdir({});
  const registry = await openTestRegistry(dataDir);
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  await registry.close();
  const database = new Sqlite(join(dataDir, 'registry.db'));
  t.throws(() => database.exec('DELETE FROM audit_lines'), /append-only/);
  t.throws(() => database.exec("UPDATE audit_lines SET line = ''"), /append-only/);
  database.close();
  t.equal(statSync(join(dataDir, 'audit-key.pem')).mode & 0o777, 0o600);
  const [one, two] = [openSigningKey(dataDir), openSigningKey(dataDir)];
  t.ok(one.equals(two));
  t.match(await on(t, t.testdir({ empty: {} }), 'audit', 'verify'), { code: 1, err: /audit-key\.pem is missing/ });
});

t.test('a change that fails leaves no line, and a line that fails leaves no change', async (t) => {
  const dataDir = t.testdir({});
  const registry = await openTestRegistry(dataDir);
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  await t.rejects(registry.createTenant({ id: 'bank', name: 'Again' }), { code: 'already_exists' });
  t.equal((await registry.listAudit('bank', { limit: 9, before: null })).entries.length, 1);
  const database = new Sqlite(join(dataDir, 'registry.db'));
  database.exec("CREATE TRIGGER full BEFORE INSERT ON audit_lines BEGIN SELECT RAISE(ABORT, 'full'); END");
  database.close();
  await t.rejects(registry.createTenant({ id: 'shop', name: 'Shop' }), /full/);
  t.same(
    (await registry.listTenants()).map(({ id }) => id),
    ['bank'],
  );
  await registry.close();
});
