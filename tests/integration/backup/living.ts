import { join } from 'node:path';
import type { Test } from 'tap';
import { openRows } from '../../fixtures/retrieval/rows.js';
import { openTestRegistry } from '../registry/open.js';

/** A data folder that a gateway works on: what was written last is only in the logs of its databases. */
export async function livingFolder(t: Test, files: Readonly<Record<string, string | Record<string, string>>> = {}) {
  const root = t.testdir({ data: {}, ...files });
  const dataDir = join(root, 'data');
  const rows = await openRows(dataDir);
  const registry = await openTestRegistry(dataDir);
  t.teardown(async () => {
    await rows.db.destroy();
    await registry.close();
  });
  return { root, dataDir, rows, registry };
}
