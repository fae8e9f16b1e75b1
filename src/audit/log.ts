import type { KeyObject } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Actor, AuditChange, AuditCheckpoint, AuditEntry, AuditPage } from '../contracts/audit.js';
import type { Clock } from '../contracts/clock.js';
import { currentActor } from './actor.js';
import { fromLine, GENESIS, toLine } from './line.js';
import { signHead } from './signing-key.js';
import type { AuditTables } from './table.js';

/** A database with the log's tables, or a transaction of it. */
export type AuditDb = Kysely<AuditTables>;

/** The tenant of what concerns the gateway as a whole; no tenant may be called so. */
export const GATEWAY_LOG = '*';

export interface AuditLog {
  /**
   * Writes a line in the transaction of the change: both are there afterwards, or neither.
   * @param noted who made the change and when, where that was written down before; else `currentActor` makes it now
   */
  append(trx: AuditDb, change: AuditChange, noted?: { readonly actor: Actor; readonly at: number }): Promise<void>;
  /** @param before lines older than this one; null: the newest */
  list(db: AuditDb, tenant: string, page: { limit: number; before: number | null }): Promise<AuditPage>;
  newest(db: AuditDb, tenant: string): Promise<AuditEntry | null>;
}

/** @param name tells the logs of one gateway apart: a line and its change are in one database, so each of them has one */
export function createAuditLog({ name, key, clock }: { name: string; key: KeyObject; clock: Clock }): AuditLog {
  async function list(db: AuditDb, tenant: string, { limit, before }: { limit: number; before: number | null }) {
    let query = db.selectFrom('audit_lines').select(['line', 'hash']).where('tenant', '=', tenant);
    if (before !== null) query = query.where('seq', '<', before);
    return (await query.orderBy('seq', 'desc').limit(limit).execute()).map(fromLine);
  }

  async function head(db: AuditDb, tenant: string): Promise<AuditCheckpoint | null> {
    const row = await db.selectFrom('audit_heads').selectAll().where('tenant', '=', tenant).executeTakeFirst();
    return row ? { log: name, ...row } : null;
  }

  return {
    async append(trx, change, { actor, at } = { actor: currentActor(), at: clock.now() }) {
      const { tenant } = change;
      await trx
        .insertInto('audit_heads')
        .values({ tenant, seq: 0, hash: GENESIS, signature: '' })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      // First of all: whoever else writes to this log waits here for the end of the transaction.
      const { seq, hash: previous } = await trx
        .updateTable('audit_heads')
        .set((eb) => ({ seq: eb('seq', '+', 1) }))
        .where('tenant', '=', tenant)
        .returning(['seq', 'hash'])
        .executeTakeFirstOrThrow();
      const { line, hash } = toLine(change, { seq, at, actor, previous });
      const signature = signHead(key, { log: name, tenant, seq, hash });
      await trx.insertInto('audit_lines').values({ tenant, seq, line, hash }).execute();
      await trx.updateTable('audit_heads').set({ hash, signature }).where('tenant', '=', tenant).execute();
    },

    list: async (db, tenant, page) => ({ entries: await list(db, tenant, page), head: await head(db, tenant) }),

    newest: async (db, tenant) => (await list(db, tenant, { limit: 1, before: null }))[0] ?? null,
  };
}
