import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import type { AuditCheckpoint, AuditEntry } from '../contracts/audit.js';
import { isRegularFile } from '../files/regular-file.js';
import { POSTGRES_LOG } from '../sqlite/databases.js';
import { Sqlite } from '../sqlite/open.js';
import { fromLine, GENESIS, hashOf, type Line } from './line.js';
import { isSigned } from './signing-key.js';

/** The logs of a data folder, by the database that each lies in. */
const LOGS = { registry: 'registry.db', documents: 'documents.db', postgres: POSTGRES_LOG } as const;

/** What was found in one tenant's lines of one log. */
export interface LogReport {
  readonly log: string;
  readonly tenant: string;
  readonly lines: number;
  /** null: all is as it was written. Else what is wrong, and where. */
  readonly problem: string | null;
}

/**
 * Reads every line of a data folder's logs, whether a gateway is running on it or not.
 * @param known checkpoints that were kept elsewhere: without them, whoever puts an old copy of a whole database in its place
 * is not found
 */
export function verifyLogs(dataDir: string, publicKey: KeyObject, known: readonly AuditCheckpoint[]): LogReport[] {
  return eachLog(dataDir, (database, log) => {
    const checkpoints = known.filter((checkpoint) => checkpoint.log === log);
    const tenants = new Set([...tenantsOf(database), ...checkpoints.map(({ tenant }) => tenant)]);
    return [...tenants].sort().map((tenant) => {
      const heads = [...headsOf(database, log, tenant), ...checkpoints.filter((one) => one.tenant === tenant)];
      return { log, tenant, ...verifyLines(linesOf(database, tenant), tenant, heads, publicKey) };
    });
  });
}

/**
 * Whether lines follow each other as they were written, and reach as far as is signed.
 * @param heads the log's own, and others that are known
 */
function verifyLines(
  lines: Iterable<Line & { readonly seq: number }>,
  tenant: string,
  heads: readonly AuditCheckpoint[],
  publicKey: KeyObject,
): Pick<LogReport, 'lines' | 'problem'> {
  const wanted = new Map(heads.map(({ seq }) => [seq, '']));
  let seq = 0;
  let previous = GENESIS;
  for (const line of lines) {
    const problem = problemOf(line, { tenant, seq: seq + 1, previous });
    if (problem !== null) return { lines: seq, problem };
    seq += 1;
    previous = line.hash;
    if (wanted.has(seq)) wanted.set(seq, line.hash);
  }
  const forged = heads.find((head) => !isSigned(head, publicKey));
  const missed = heads.find((head) => wanted.get(head.seq) !== head.hash);
  const last = Math.max(0, ...heads.map((head) => head.seq));
  let problem: string | null = null;
  if (forged) problem = `the checkpoint at line ${forged.seq} is not signed with this key`;
  else if (missed && missed.seq > seq)
    problem = `it ends with line ${seq}, and ${missed.seq} were signed: lines were removed`;
  else if (missed) problem = `line ${missed.seq} is another one than was signed`;
  else if (last < seq) problem = `line ${seq} is not signed: it was added by somebody else`;
  return { lines: seq, problem };
}

/** The newest checkpoint of every log and tenant. */
export function readCheckpoints(dataDir: string): AuditCheckpoint[] {
  return eachLog(dataDir, (database, log) => tenantsOf(database).flatMap((tenant) => headsOf(database, log, tenant)));
}

/** Every line of every log, in the order in which a log has them. @param tenant null: of all of them */
export function* readEntries(
  dataDir: string,
  tenant: string | null,
): Generator<AuditEntry & { readonly log: string }, void, undefined> {
  for (const log of Object.keys(LOGS) as (keyof typeof LOGS)[]) {
    const database = openLog(dataDir, log);
    if (database === null) continue;
    try {
      for (const one of tenantsOf(database)) {
        if (tenant !== null && one !== tenant) continue;
        for (const line of linesOf(database, one)) yield { log, ...fromLine(line) };
      }
    } finally {
      database.close();
    }
  }
}

function problemOf(
  { seq, line, hash }: Line & { readonly seq: number },
  expected: { readonly tenant: string; readonly seq: number; readonly previous: string },
): string | null {
  if (seq !== expected.seq) return `line ${expected.seq} is missing`;
  if (hashOf(line) !== hash) return `line ${seq} was changed`;
  const entry = fromLine({ line, hash });
  const follows = entry.seq === seq && entry.tenant === expected.tenant && entry.previous === expected.previous;
  return follows ? null : `line ${seq} does not follow the line before it: it was changed or moved`;
}

function eachLog<T>(dataDir: string, read: (database: Database, log: string) => T[]): T[] {
  return (Object.keys(LOGS) as (keyof typeof LOGS)[]).flatMap((log) => {
    const database = openLog(dataDir, log);
    if (database === null) return [];
    try {
      // All of a log's rows as they are at one moment, whatever a gateway writes meanwhile.
      return database.transaction(() => read(database, log))();
    } finally {
      database.close();
    }
  });
}

/** null: the database is not there, or was written before there was a log. */
function openLog(dataDir: string, log: keyof typeof LOGS): Database | null {
  const file = join(dataDir, LOGS[log]);
  if (!isRegularFile(file)) return null;
  const database = new Sqlite(file, { readonly: true });
  if (database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'audit_lines'").get()) return database;
  database.close();
  return null;
}

function tenantsOf(database: Database): string[] {
  const sql = 'SELECT tenant FROM audit_lines UNION SELECT tenant FROM audit_heads ORDER BY tenant';
  return database.prepare(sql).pluck().all() as string[];
}

function linesOf(database: Database, tenant: string): IterableIterator<Line & { readonly seq: number }> {
  const sql = 'SELECT seq, line, hash FROM audit_lines WHERE tenant = ? ORDER BY seq';
  return database.prepare(sql).iterate(tenant) as IterableIterator<Line & { seq: number }>;
}

function headsOf(database: Database, log: string, tenant: string): AuditCheckpoint[] {
  const rows = database.prepare('SELECT tenant, seq, hash, signature FROM audit_heads WHERE tenant = ?').all(tenant);
  return (rows as Omit<AuditCheckpoint, 'log'>[]).map((row) => ({ log, ...row }));
}
