/** Changes of documents in PostgreSQL on their way to the audit log of the gateway that made them (decision 0071). */
import { currentActor } from '../../../audit/actor.js';
import type { Actor, AuditChange } from '../../../contracts/audit.js';
import type { Clock } from '../../../contracts/clock.js';
import type { Scopes } from '../../../postgres/scopes.js';
import type { Audited, Db } from '../database.js';

/** A change with what its line says of it: who made it, and when, whenever the line is written. */
interface NotedChange {
  readonly change: AuditChange;
  readonly actor: Actor;
  readonly at: number;
}

export interface Waiting extends NotedChange {
  /** Of the row: grows with each change of a tenant. */
  readonly seq: number;
}

/** The rows of one gateway's changes that are no lines yet. */
export interface Outbox {
  /** The oldest ones. */
  waiting(limit: number): Promise<readonly Waiting[]>;
  remove(seqs: readonly number[]): Promise<void>;
}

/** Notes a change in its own transaction: both are there afterwards, or neither. @param folder id of the log that it goes to */
export function noteInOutbox(folder: string, clock: Clock): Audited {
  return async (tx, change) => {
    const noted: NotedChange = { change, actor: currentActor(), at: clock.now() };
    const row = { tenant: change.tenant, folder, entry: JSON.stringify(noted) };
    await tx.insertInto('audit_outbox').values(row).execute();
  };
}

export function createOutbox(db: Db, scopes: Scopes, folder: string): Outbox {
  return {
    async waiting(limit) {
      const own = db.selectFrom('audit_outbox').select(['seq', 'entry']).where('folder', '=', folder);
      const rows = await scopes.all(() => own.orderBy('seq').limit(limit).execute());
      return rows.map(({ seq, entry }) => ({ seq, ...(JSON.parse(entry) as NotedChange) }));
    },
    async remove(seqs) {
      await scopes.all(() => db.deleteFrom('audit_outbox').where('seq', 'in', seqs).execute());
    },
  };
}
