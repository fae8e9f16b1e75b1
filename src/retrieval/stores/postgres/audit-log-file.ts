/** The audit log in a gateway's data folder of what that gateway changed in PostgreSQL. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { type AuditDb, createAuditLog } from '../../../audit/log.js';
import { openSigningKey } from '../../../audit/signing-key.js';
import { AUDIT_SCHEMA, type AuditTables } from '../../../audit/table.js';
import type { Clock } from '../../../contracts/clock.js';
import { AppError } from '../../../errors/app-error.js';
import { POSTGRES_LOG } from '../../../sqlite/databases.js';
import { openSqlite } from '../../../sqlite/open.js';
import { ThreadedSqliteDialect } from '../../../sqlite/threaded.js';
import type { Waiting } from './audit-outbox.js';

interface LogTables extends AuditTables {
  identity: { id: string };
  /** Rows of the outbox that are lines already, and may be there still. */
  folded: { seq: number };
}

export interface AuditLogFile {
  /** Tells this log from every other one. */
  readonly id: string;
  /** Makes lines of what waits, and notes that it did, in one transaction. */
  append(waiting: readonly Waiting[]): Promise<void>;
  /** Rows that are lines, and were not taken out of the outbox as far as is known here. */
  folded(): Promise<readonly number[]>;
  /** They are out of the outbox. */
  forget(seqs: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

const VERSION = 1;

/** @throws AppError `config_invalid` where a newer version of the product wrote it */
export function openAuditLogFile(dataDir: string, clock: Clock): AuditLogFile {
  const file = join(dataDir, POSTGRES_LOG);
  const id = prepare(file);
  const db = new Kysely<LogTables>({ dialect: new ThreadedSqliteDialect(file) });
  const log = createAuditLog({ name: 'postgres', key: openSigningKey(dataDir), clock });
  return {
    id,
    append: (waiting) =>
      db.transaction().execute(async (trx) => {
        for (const { seq, change, actor, at } of waiting) {
          await trx.insertInto('folded').values({ seq }).execute();
          await log.append(trx as unknown as AuditDb, change, { actor, at });
        }
      }),
    folded: async () => (await db.selectFrom('folded').select('seq').execute()).map(({ seq }) => seq),
    async forget(seqs) {
      await db.deleteFrom('folded').where('seq', 'in', seqs).execute();
    },
    close: () => db.destroy(),
  };
}

/** @returns the log's id */
function prepare(file: string): string {
  const database = openSqlite(file);
  try {
    const version = database.pragma('user_version', { simple: true }) as number;
    if (version > VERSION) {
      const reason = `${file} was written by a newer version (schema ${version}, this one knows ${VERSION}). Start that version`;
      throw new AppError('config_invalid', { reason });
    }
    if (version === 0) {
      database
        .transaction(() => {
          for (const statement of AUDIT_SCHEMA) database.exec(statement);
          database.exec('create table identity (id text not null) strict');
          database.exec('create table folded (seq integer primary key) strict');
          database.prepare('insert into identity (id) values (?)').run(randomUUID());
          database.pragma(`user_version = ${VERSION}`);
        })
        .exclusive();
    }
    return database.prepare('select id from identity').pluck().get() as string;
  } finally {
    database.close();
  }
}
