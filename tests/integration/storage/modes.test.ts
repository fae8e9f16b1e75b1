import { statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { lockDataDir } from '../../../src/sqlite/data-lock.js';
import { openRows } from '../../fixtures/retrieval/rows.js';
import { openTestRegistry } from '../registry/open.js';

t.test("databases, their logs and the data folder are their owner's alone", async (t) => {
  const before = process.umask(0o022);
  t.teardown(() => process.umask(before));
  const dataDir = join(t.testdir({}), 'data');
  const lock = lockDataDir(dataDir);
  const rows = await openRows(dataDir);
  const registry = await openTestRegistry(dataDir);
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  const modeOf = (name: string) => (statSync(join(dataDir, name)).mode & 0o777).toString(8);
  t.equal(modeOf('.'), '700');
  for (const name of ['documents.db', 'documents.db-wal', 'registry.db', 'registry.db-wal', 'registry.db-shm']) {
    t.equal(modeOf(name), '600', name);
  }
  await rows.db.destroy();
  await registry.close();
  await lock.close();
});
