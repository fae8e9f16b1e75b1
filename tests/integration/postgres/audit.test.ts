import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { actingAs } from '../../../src/audit/actor.js';
import { readPublicKey } from '../../../src/audit/signing-key.js';
import { readEntries, verifyLogs } from '../../../src/audit/verify.js';
import { openPostgres } from '../../../src/postgres/open.js';
import { openPostgresDocuments } from '../../../src/retrieval/documents/postgres.js';
import type { Tables } from '../../../src/retrieval/stores/database.js';
import { openAuditLogFile } from '../../../src/retrieval/stores/postgres/audit-log-file.js';
import { createOutbox } from '../../../src/retrieval/stores/postgres/audit-outbox.js';
import { startFolding } from '../../../src/retrieval/stores/postgres/fold-audit.js';
import { startPostgres } from '../../fixtures/postgres/server.js';
import { addLines, documentsOptions } from '../../fixtures/retrieval/documents.js';
import { DEFAULTS, dataFolder } from '../../fixtures/retrieval/retrieval.js';

const WRITER = fileURLToPath(new URL(`../../fixtures/postgres/writer${extname(import.meta.url)}`, import.meta.url));
const clock = { now: Date.now, monotonicMs: () => performance.now() };
const actor = { kind: 'key', id: 'key_1', tenant: 'bank', requestId: 'r', reason: 'Ticket 7' } as const;

const server = await startPostgres();
t.teardown(() => server.close());

async function setUp(t: Test) {
  const { url } = await server.createDatabase();
  const settings = { ...DEFAULTS.database, url };
  const raw = openPostgres<Tables>(settings);
  t.teardown(() => raw.close());
  const waiting = () => raw.scopes.all(() => raw.db.selectFrom('audit_outbox').selectAll().execute());
  const open = (folder: string) => {
    const { options } = documentsOptions();
    return openPostgresDocuments(folder, settings, { ...options, clock });
  };
  return { url, raw, waiting, open };
}

/** The lines of a folder, which must hold. */
function linesOf(t: Test, folder: string) {
  t.ok(verifyLogs(folder, readPublicKey(folder), []).every(({ problem }) => problem === null));
  return [...readEntries(folder, null)];
}

t.test(
  'what is changed in PostgreSQL is a line of the gateway that changed it: who, what, when, and no name',
  async (t) => {
    const { open, waiting, raw } = await setUp(t);
    const [first, second] = [dataFolder(t), dataFolder(t)];
    const [one, other] = [await open(first), await open(second)];
    const startedAt = Date.now();
    const { storeId, fileId } = await actingAs(actor, async () => {
      const { id } = await one.createStore('bank', { name: 'Jane Doe', metadata: {} });
      const added = await addLines(one, { tenant: 'bank', storeId: id, nowMs: Date.now() + 1000 }, ['the fee']);
      await one.updateStoreFile('bank', id, added, { allowedGroups: ['hr'] });
      return { storeId: id, fileId: added };
    });
    await other.createStore('bank', { name: 's', metadata: {} });
    await actingAs(actor, () => one.purgeFiles('bank', [fileId]));
    await t.rejects(one.createBatch('bank', storeId, [{ fileId, attributes: {} }]), { code: 'not_found' });
    t.ok((await waiting()).length <= 6);
    await one.close();
    await other.close();
    t.same(await waiting(), [], 'all of it is lines');
    const lines = linesOf(t, first);
    t.match(lines, [
      { log: 'postgres', tenant: 'bank', seq: 1, action: 'vector_store.created', subject: storeId, actor },
      { action: 'file.uploaded', subject: fileId },
      { action: 'store_file.attached' },
      { action: 'store_file.changed', after: { allowedGroups: ['hr'] }, actor },
      { action: 'file.purged', subject: fileId, actor },
    ]);
    t.equal(lines.length, 5, 'and what was not done is none');
    t.ok(lines.every(({ at }) => at >= startedAt && at <= Date.now()));
    t.notMatch(JSON.stringify(lines), /Jane/);
    t.match(linesOf(t, second), [{ seq: 1, action: 'vector_store.created', actor: { kind: 'system' } }]);
    await t.rejects(
      raw.scopes.all(() => raw.db.updateTable('audit_outbox').set({ entry: '{}' }).execute()),
      { code: '42501' },
      'what waits may not be changed',
    );
  },
);

t.test('a gateway that dies between a line and the row that it was made of makes no second one', async (t) => {
  const { open, waiting, raw } = await setUp(t);
  const folder = dataFolder(t);
  const documents = await open(folder);
  await documents.createStore('bank', { name: 's', metadata: {} });
  await documents.close();
  const log = openAuditLogFile(folder, clock);
  const outbox = createOutbox(raw.db, raw.scopes, log.id);
  const note = (subject: string) => {
    const change = { tenant: 'bank', action: 'file.uploaded', subject, before: null, after: {} };
    const row = { tenant: 'bank', folder: log.id, entry: JSON.stringify({ change, actor, at: 1 }) };
    return raw.scopes.of('bank', () => raw.db.insertInto('audit_outbox').values(row).execute());
  };
  await note('a');
  const dying = startFolding({
    outbox: { ...outbox, remove: () => Promise.reject(new Error('killed')) },
    log,
    onError: () => {},
  });
  await t.rejects(dying.fold(), /killed/);
  await dying.stop();
  t.equal((await waiting()).length, 1, 'the row is there, and its line too');
  await note('b');
  await log.close();

  const again = await open(folder);
  await again.close();
  t.same(await waiting(), []);
  t.same(
    linesOf(t, folder)
      .map(({ subject }) => subject)
      .slice(1),
    ['a', 'b'],
  );
});

t.test('after kills at any instruction each file has one line', { timeout: 120_000 }, async (t) => {
  const { url, raw, waiting, open } = await setUp(t);
  const folder = dataFolder(t);
  const acknowledged: string[] = [];
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, [...process.execArgv, WRITER, folder, url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    while (output === '') await once(child.stdout, 'data');
    // The first fold is a second after the start: two of the rounds end around one.
    await new Promise((resolve) => setTimeout(resolve, 200 + round * 450));
    child.kill('SIGKILL');
    await once(child, 'exit');
    acknowledged.push(...output.split('\n').slice(0, -1));
  }
  await (await open(folder)).close();
  t.same(await waiting(), []);
  const lines = linesOf(t, folder).map(({ subject }) => subject);
  const files = await raw.scopes.all(() => raw.db.selectFrom('files').select('id').execute());
  t.same([...lines].sort(), files.map(({ id }) => id).sort(), 'one each, and none for what was not done');
  t.ok(acknowledged.every((id) => lines.includes(id)));
  t.ok(acknowledged.length > 10, `${acknowledged.length} files`);
});
