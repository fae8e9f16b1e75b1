import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { lockDataDir } from '../../../src/sqlite/data-lock.js';
import { clusteredVectors, openRows } from '../../fixtures/retrieval/rows.js';
import { run } from '../cli/cli-app.js';
import { openTestRegistry } from '../registry/open.js';
import { livingFolder } from './living.js';

/** With an adapter and a document. */
async function living(t: Test) {
  const { root, dataDir, rows, registry } = await livingFolder(t, { one: { weights: '1' } });
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  const adapter = await registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, 'one') });
  mkdirSync(dirname(adapter.compiledFile), { recursive: true });
  writeFileSync(adapter.compiledFile, 'compiled');
  const store = await rows.stores.create('bank', { name: 'policies', metadata: {} });
  await rows.addFile('bank', store.id, clusteredVectors(3));
  return { root, dataDir, rows, registry, adapter, store };
}

/** The command line on a data folder. */
async function on(t: Test, dataDir: string, ...argv: readonly string[]) {
  process.env.SWITCHYARD_DATA = dataDir;
  t.teardown(() => delete process.env.SWITCHYARD_DATA);
  return run(...argv);
}

t.test('a backup beside a running gateway holds what was acknowledged, and restores it', async (t) => {
  const { root, dataDir, rows, adapter, store } = await living(t);
  t.ok(statSync(join(dataDir, 'documents.db-wal')).size > 0, 'the newest rows are in the log');
  const lock = lockDataDir(dataDir);
  const backup = join(root, 'backup');
  const made = await on(t, dataDir, 'backup', backup);
  t.match(made, { code: 0, out: /registry\.db +\d+ .*\ndocuments\.db +\d+ / });
  t.same(readdirSync(backup).sort(), ['adapters', 'audit-key.pem', 'backup.json', 'documents.db', 'registry.db']);
  // What happens afterwards is not in it.
  await rows.addFile('bank', store.id, clusteredVectors(5));
  t.match(await on(t, dataDir, 'restore', backup), { code: 1, err: /another gateway is running/ });
  await lock.close();

  const other = join(root, 'other');
  t.match(await on(t, other, 'restore', backup), { code: 0 });
  const restored = await openRows(other);
  const registry = await openTestRegistry(other);
  t.equal((await restored.vectors.keysUpTo('bank', 1, 1e9)).length, 3);
  t.match(await registry.listAdapters('bank'), [{ digest: adapter.digest }]);
  t.ok(existsSync((await registry.listAdapters('bank'))[0]!.compiledFile));
  await restored.db.destroy();
  await registry.close();
});

t.test('where PostgreSQL keeps the documents, a backup has the other database alone', async (t) => {
  const { root, dataDir, rows } = await living(t);
  await rows.db.destroy();
  rmSync(join(dataDir, 'documents.db'));
  const backup = join(root, 'backup');
  t.match(await on(t, dataDir, 'backup', backup), { code: 1 }, 'one that is lost is not passed over');
  process.env.SWITCHYARD_DATABASE_URL = 'postgres://gateway@db/documents';
  t.teardown(() => delete process.env.SWITCHYARD_DATABASE_URL);
  t.match(await on(t, dataDir, 'backup', backup), { code: 0 });
  t.same(readdirSync(backup).sort(), ['adapters', 'audit-key.pem', 'backup.json', 'registry.db']);
  t.match(await on(t, join(root, 'other'), 'restore', backup), { code: 0 });
});

t.test('what a restoration replaces is kept, and what was made from it goes with it', async (t) => {
  const { root, dataDir, rows, registry } = await living(t);
  const backup = join(root, 'backup');
  await on(t, dataDir, 'backup', backup);
  await rows.db.destroy();
  await registry.close();
  mkdirSync(join(dataDir, 'indexes'));
  writeFileSync(join(dataDir, 'indexes/bank.hnsw'), 'of the rows that go');
  const { code, err } = await on(t, dataDir, 'restore', backup);
  t.equal(code, 0);
  const kept = /in (\S+)\.\n/.exec(err)![1]!;
  t.ok(existsSync(join(kept, 'documents.db')) && existsSync(join(kept, 'indexes/bank.hnsw')));
  t.notOk(existsSync(join(dataDir, 'indexes/bank.hnsw')));
});

t.test('a backup that is damaged, not whole or another thing is refused before anything is touched', async (t) => {
  const { root, dataDir } = await living(t);
  const backup = join(root, 'backup');
  await on(t, dataDir, 'backup', backup);
  t.match(await on(t, dataDir, 'backup', backup), { code: 1, err: /is there already; name a new one/ });
  const empty = join(root, 'empty');
  t.match(await on(t, empty, 'restore', root), { code: 1, err: /backup\.json is not a sound part.*missing/ });
  t.match(await on(t, empty, 'restore', join(root, 'none')), { code: 1, err: /Backup .*none does not exist\./ });
  const [adapter] = readdirSync(join(backup, 'adapters'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(backup, 'adapters', name)).isFile(),
  );
  for (const file of [`adapters/${adapter}`, 'documents.db']) {
    const place = join(backup, file);
    const content = readFileSync(place);
    truncateSync(place, content.length >> 1);
    t.match(await on(t, empty, 'restore', backup), { code: 1, err: /is not a sound part of a backup/ }, file);
    writeFileSync(place, content);
  }
  t.notOk(existsSync(join(empty, 'documents.db')));
  t.match(await on(t, empty, 'restore', backup), { code: 0 });
});
