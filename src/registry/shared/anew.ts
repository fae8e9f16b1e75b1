import type { OpenDatabase } from '../database.js';
import type { Apply } from './apply.js';
import type { Capture } from './capture.js';
import type { Table } from './changes.js';
import { load, openReplicaFile, removeReplicaFile } from './load.js';
import { readLocal, writeLocal } from './local.js';
import type { Head } from './log.js';
import { readOutbox } from './outbox.js';
import { REPLACED, type SharedServer, unavailable } from './server.js';

interface Options {
  readonly database: OpenDatabase;
  readonly server: SharedServer;
  readonly tables: readonly Table[];
  readonly shape: string;
  readonly apply: Apply;
  readonly capture: Capture;
}

interface Trigger {
  readonly name: string;
  readonly sql: string;
}

/**
 * Makes a replica anew while it is in use: what PostgreSQL has is read into a file beside it, and takes the place of what is here in one
 * transaction. Records that wait stay, and whoever calls lets none be sent meanwhile.
 */
export async function makeAnew({ database, server, tables, shape, apply, capture }: Options): Promise<void> {
  const { raw, db } = database;
  const local = readLocal(raw)!;
  const file = `${raw.name}.incoming`;
  try {
    const head = await readBeside(file, server);
    if (head.id !== local.registry || head.tables !== shape) throw unavailable(REPLACED);
    const replace = raw.transaction(() =>
      capture.without(() => {
        // Lines of the audit log are never deleted by themselves.
        const triggers = raw.prepare("SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger'").all();
        for (const { name } of triggers as Trigger[]) raw.exec(`DROP TRIGGER main."${name}"`);
        for (const { name, columns } of tables) {
          const list = columns.map((column) => `"${column}"`).join(', ');
          raw.exec(`DELETE FROM main."${name}"`);
          raw.exec(`INSERT INTO main."${name}" (${list}) SELECT ${list} FROM incoming."${name}"`);
        }
        for (const { change } of readOutbox(raw, -1)) if (change !== null) apply(change);
        for (const { sql } of triggers as Trigger[]) raw.exec(sql);
        writeLocal(raw, { ...local, position: head.seq, mark: head.mark });
      }),
    );
    // Between two transactions, and without a pause.
    await db.connection().execute(async () => {
      raw.prepare('ATTACH ? AS incoming').run(file);
      raw.pragma('foreign_keys = OFF');
      try {
        replace();
      } finally {
        raw.pragma('foreign_keys = ON');
        raw.exec('DETACH incoming');
      }
    });
  } finally {
    await removeReplicaFile(file);
  }
}

async function readBeside(file: string, server: SharedServer): Promise<Head> {
  await removeReplicaFile(file);
  const incoming = await openReplicaFile(file);
  try {
    return (await load(incoming.raw, server)).head;
  } finally {
    await incoming.close();
  }
}
