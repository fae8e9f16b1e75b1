/** Registries that share a PostgreSQL, for tests. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import pg from 'pg';
import type { Test } from 'tap';
import { readPublicKey } from '../../../src/audit/signing-key.js';
import { verifyLogs } from '../../../src/audit/verify.js';
import { verifyDatabase } from '../../../src/sqlite/copy.js';
import { Sqlite } from '../../../src/sqlite/open.js';
import type { PostgresServer } from '../../fixtures/postgres/server.js';
import { openTestRegistry } from './open.js';

const LATE_MS = 30_000;

/** A registry that others share, and what it said of its troubles. */
export async function open(t: Test, dataDir: string, url: string, aheadBytes = 0) {
  const errors: unknown[] = [];
  const clock = { now: Date.now, monotonicMs: () => performance.now() };
  const shared = { url, aheadBytes, onError: (error: unknown) => void errors.push(error) };
  const registry = await openTestRegistry(dataDir, { clock, shared });
  let isOpen = true;
  const close = async () => {
    if (isOpen) await registry.close();
    isOpen = false;
  };
  t.teardown(close);
  return { dataDir, registry, errors, close };
}

export async function openTwo(t: Test, server: PostgresServer) {
  const root = t.testdir({ one: { weights: '1' }, two: { weights: '2' }, a: {}, b: {}, c: {} });
  const url = await server.createEmptyDatabase();
  const a = await open(t, join(root, 'a'), url);
  await a.registry.createTenant({ id: 'bank', name: 'Bank' });
  const b = await open(t, join(root, 'b'), url);
  return { root, url, a, b };
}

/** Looks until it is so. @throws Error with what was seen last, long after it should have been */
export async function eventually<T>(look: () => Promise<T>, isIt: (found: T) => boolean): Promise<T> {
  let seen: unknown;
  for (const endMs = performance.now() + LATE_MS; performance.now() < endMs; await sleep(10)) {
    try {
      const found = await look();
      if (isIt(found)) return found;
      seen = found;
    } catch (error) {
      seen = error;
    }
  }
  throw new Error(`it never came to that: ${isIt}, but to ${inspect(seen)}`);
}

/** Every row of a data folder's registry, by table. */
export function rowsOf(dataDir: string): Record<string, unknown[]> {
  const database = new Sqlite(join(dataDir, 'registry.db'), { readonly: true });
  try {
    const sql =
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '*sqlite*' AND name NOT GLOB 'replica*'";
    const names = database.prepare(sql).pluck().all() as string[];
    const rows = (name: string) =>
      database
        .prepare(`SELECT * FROM "${name}"`)
        .all()
        .map((row) => JSON.stringify(row));
    return Object.fromEntries(
      names.filter((name) => !name.startsWith('kysely')).map((name) => [name, rows(name).sort()]),
    );
  } finally {
    database.close();
  }
}

/** Each has what the others have, and the server too; every line of the audit log follows the one before it. */
export async function agree(t: Test, url: string, ...dataDirs: readonly string[]) {
  const isSame = () => new Set(dataDirs.map((dir) => JSON.stringify(rowsOf(dir)))).size === 1;
  for (let tries = 0; tries < 200 && !isSame(); tries++) await sleep(20);
  const [first, ...others] = dataDirs.map(rowsOf);
  for (const other of others) t.same(other, first);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ tbl: string; rows: number }>(
    'select tbl, count(*)::int as rows from switchyard_registry.state group by tbl',
  );
  await client.end();
  const counted = Object.entries(first!)
    .filter(([, of]) => of.length > 0)
    .map(([name, of]) => [name, of.length]);
  t.same(Object.fromEntries(rows.map((row) => [row.tbl, row.rows])), Object.fromEntries(counted));
  for (const dir of dataDirs) {
    verifyDatabase(join(dir, 'registry.db'));
    t.same(
      verifyLogs(dir, readPublicKey(dir), []).filter(({ problem }) => problem !== null),
      [],
    );
  }
}
