/**
 * What a tenant, a record, a change and a passage cost: bytes in SQLite and in PostgreSQL, and how many changes and records one
 * PostgreSQL takes from gateways that share it. The server of this bench does not wait for its disk: what a disk takes comes on top.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { loadConfig } from '../src/config/load.js';
import type { Registry } from '../src/contracts/registry.js';
import type { DocumentStore } from '../src/retrieval/documents/document-store.js';
import { openPostgresDocuments } from '../src/retrieval/documents/postgres.js';
import { openSqliteDocuments } from '../src/retrieval/documents/sqlite.js';
import { Sqlite } from '../src/sqlite/open.js';
import { answerRecord } from '../tests/fixtures/answer-record.js';
import { type PostgresServer, startPostgres } from '../tests/fixtures/postgres/server.js';
import { openTestRegistry } from '../tests/integration/registry/open.js';
import type { BenchOptions } from './main.js';
import { clusteredVectors, inventedPassage } from './retrieval/clustered.js';
import { addFile, documentsOptions, openEmbedder } from './retrieval/documents.js';
import { onlyModel } from './retrieval/only-model.js';
import { randomNumbers } from './retrieval/random.js';

const TENANTS = { quick: 100, whole: 1000 };
const RECORDS = { quick: 2000, whole: 20_000 };
const CHANGES = { quick: 50, whole: 500 };
const PASSAGES = { quick: 1000, whole: 10_000 };
const PASSAGES_A_FILE = 50;
/** Records that are on their way at once. */
const AT_ONCE = 64;

export default async function benchSizes({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const size = quick ? 'quick' : 'whole';
  const root = mkdtempSync(join(tmpdir(), 'switchyard-sizes-'));
  for (const name of ['a', 'b']) mkdirSync(join(root, name));
  const server = await startPostgres();
  try {
    const registry = await registryCosts(server, root, size);
    say(`${TENANTS[size]} tenants, ${RECORDS[size]} records, ${CHANGES[size]} changes`);
    const passages = await passageCosts(server, root, PASSAGES[size]);
    say(`${PASSAGES[size]} passages in both stores`);
    return { ...registry, ...passages };
  } finally {
    await server.close();
    rmSync(root, { recursive: true, force: true });
  }
}

/** Two gateways' registries over one PostgreSQL: the one changes, the other has it too. */
async function registryCosts(server: PostgresServer, root: string, size: keyof typeof TENANTS) {
  const url = await server.createEmptyDatabase();
  const shared = { url, onError: (error: unknown) => process.stderr.write(`${error}\n`) };
  const clock = { now: Date.now, monotonicMs: () => performance.now() };
  const folders = [join(root, 'a'), join(root, 'b')] as const;
  const [a, b] = [
    await openTestRegistry(folders[0], { clock, shared }),
    await openTestRegistry(folders[1], { clock, shared }),
  ];
  const bytes = async () => ({ sqlite: fileBytes(folders[0], 'registry.db'), postgres: await databaseBytes(url) });

  const empty = await bytes();
  for (let n = 0; n < TENANTS[size]; n++) await createTenant(a, `tenant-${n}`);
  const withTenants = await bytes();

  const changesMs = await timed(async () => {
    for (let n = 0; n < CHANGES[size]; n++) {
      await [a, b][n % 2]!.createKey({ tenant: 'tenant-0', label: `key ${n}`, scopes: ['inference'] });
    }
  });

  const beforeRecords = await bytes();
  let left = RECORDS[size];
  const record = async () => {
    while (left > 0) {
      left -= 1;
      const [id, tenant] = [`chatcmpl-${'0'.repeat(16)}${left}`, `tenant-${left % TENANTS[size]}`];
      await a.recordAnswer(answerRecord({ id, requestId: `req_${left}`, tenant, createdAt: Date.now() }));
    }
  };
  const recordsMs = await timed(async () => {
    await Promise.all(Array.from({ length: AT_ONCE }, record));
    while (recordsIn(folders[1]) < RECORDS[size]) await sleep(20);
  });
  const withRecords = await bytes();
  await a.close();
  await b.close();
  const each = (from: { sqlite: number; postgres: number }, to: typeof from, count: number) => ({
    sqlite: Math.round((to.sqlite - from.sqlite) / count),
    postgres: Math.round((to.postgres - from.postgres) / count),
  });
  const [tenant, one] = [each(empty, withTenants, TENANTS[size]), each(beforeRecords, withRecords, RECORDS[size])];
  return {
    tenant_bytes_sqlite: tenant.sqlite,
    tenant_bytes_postgres: tenant.postgres,
    change_ms: round(changesMs / CHANGES[size]),
    record_bytes_sqlite: one.sqlite,
    record_bytes_postgres: one.postgres,
    records_per_s_at_both: Math.round((1000 * RECORDS[size]) / recordsMs),
  };
}

async function createTenant(registry: Registry, id: string): Promise<void> {
  await registry.createTenant({ id, name: id });
  await registry.createKey({ tenant: id, label: 'backend', scopes: ['inference'] });
  const retrieval = { enabled: true, topK: 4, minScore: 0, budgetTokens: 640 };
  const base = { adapter: null, stableVersion: null, instructions: 'Be brief.', retrieval };
  await registry.putDeployment({ tenant: id, name: 'assistant', ...base });
}

async function passageCosts(server: PostgresServer, root: string, count: number) {
  const config = loadConfig();
  const embedder = await openEmbedder(config);
  const options = documentsOptions(config, onlyModel(embedder));
  const { name, url } = await server.createDatabase();
  const sqlite = await openSqliteDocuments(join(root, 'a'), options);
  const postgres = await openPostgresDocuments(join(root, 'b'), { ...config.database, url }, options);
  const owner = server.ownerUrl(name);
  const empty = { sqlite: fileBytes(join(root, 'a'), 'documents.db'), postgres: await databaseBytes(owner) };
  await fill(sqlite, embedder.dimensions, count);
  const postgresMs = await timed(() => fill(postgres, embedder.dimensions, count));
  const [index] = await rowsOf<{ bytes: string }>(
    owner,
    `select sum(pg_relation_size(indexrelid)) as bytes from pg_index join pg_class on oid = indexrelid
     where relam = (select oid from pg_am where amname = 'hnsw')`,
  );
  const figures = {
    passage_bytes_sqlite: Math.round((fileBytes(join(root, 'a'), 'documents.db') - empty.sqlite) / count),
    passage_bytes_postgres: Math.round(((await databaseBytes(owner)) - empty.postgres) / count),
    passage_bytes_hnsw_postgres: Math.round(Number(index!.bytes) / count),
    passage_ms_postgres: round(postgresMs / count),
  };
  await sqlite.close();
  await postgres.close();
  return figures;
}

async function fill(documents: DocumentStore, dimensions: number, count: number): Promise<void> {
  const random = randomNumbers(1);
  const vector = clusteredVectors(random, dimensions, count);
  const { id } = await documents.createStore('tenant', { name: 'documents', metadata: {} });
  for (let n = 0; n * PASSAGES_A_FILE < count; n++) {
    const passages = Array.from({ length: PASSAGES_A_FILE }, () => inventedPassage(random, vector()));
    await addFile(documents, 'tenant', id, `${n}.md`, passages);
  }
}

function look<T>(file: string, read: (database: InstanceType<typeof Sqlite>) => T): T {
  const database = new Sqlite(file, { readonly: true });
  try {
    return read(database);
  } finally {
    database.close();
  }
}

const recordsIn = (dataDir: string): number =>
  look(
    join(dataDir, 'registry.db'),
    (database) => database.prepare('SELECT count(*) FROM answers').pluck().get() as number,
  );

/** Of all its pages, those that are in its log still too. */
const fileBytes = (folder: string, name: string): number =>
  look(
    join(folder, name),
    (database) =>
      (database.pragma('page_count', { simple: true }) as number) *
      (database.pragma('page_size', { simple: true }) as number),
  );

async function databaseBytes(url: string): Promise<number> {
  const [row] = await rowsOf<{ bytes: string }>(url, 'select pg_database_size(current_database()) as bytes');
  return Number(row!.bytes);
}

async function rowsOf<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}

const round = (value: number): number => Number(value.toFixed(2));
