import type { Clock } from '../contracts/clock.js';
import type { Registry } from '../contracts/registry.js';
import { MAX_TURNS } from '../contracts/registry-limits.js';
import type { Owner, ResponseStatus, StoredTurn } from '../contracts/stored-responses.js';
import { AppError } from '../errors/app-error.js';
import { completeJob, createJobs, enqueueJob } from '../jobs/jobs.js';
import { append, expireConversations } from './conversations.js';
import { jobTables } from './database.js';
import { callOff } from './job-subjects.js';
import type { Database } from './tables/tables.js';
import type { ResponseRow } from './tables/texts.js';
import type { HashUser } from './user-hash.js';

type Responses = Pick<
  Registry,
  | 'saveResponse'
  | 'getResponse'
  | 'listTurns'
  | 'deleteResponse'
  | 'cancelResponse'
  | 'startResponse'
  | 'finishResponse'
  | 'failResponse'
  | 'expireResponses'
>;

const DAY_MS = 24 * 3600 * 1000;
/** Rows a statement deletes: each blocks the gateway's thread. */
const BATCH = 500;
const JOBS_KEPT_DAYS = 7;
const UNFINISHED: readonly ResponseStatus[] = ['queued', 'in_progress'];

/** Responses with their texts: the only ones that the registry keeps of what was asked and answered. */
export function createResponses({
  db,
  clock,
  hashUser,
}: {
  db: Database;
  clock: Clock;
  hashUser: HashUser;
}): Responses {
  const require = async ({ tenant, audience }: Owner, id: string, trx = db): Promise<StoredTurn> => {
    const rows = trx.selectFrom('responses').selectAll().where('id', '=', id).where('tenant', '=', tenant);
    return found(await rows.where('audience', '=', audience).executeTakeFirst(), id);
  };
  const requireOf = async (trx: Database, tenant: string, id: string): Promise<StoredTurn> => {
    const rows = trx.selectFrom('responses').selectAll().where('id', '=', id).where('tenant', '=', tenant);
    return found(await rows.executeTakeFirst(), id);
  };

  return {
    async saveResponse({ user, added, ...response }) {
      const row: ResponseRow = {
        ...response,
        input: JSON.stringify(response.input),
        body: JSON.stringify(response.body),
        task: response.task && JSON.stringify(response.task),
        userHash: user === null ? null : hashUser(response.tenant, user),
      };
      await db.transaction().execute(async (trx) => {
        await trx.insertInto('responses').values(row).execute();
        if (added !== null) await append(trx, response, added, clock, hashUser);
        if (response.status !== 'queued') return;
        const job = { kind: 'response', tenant: response.tenant, subject: response.id, size: 1 } as const;
        await enqueueJob(jobTables(trx), job, clock.now());
      });
    },

    getResponse: require,

    async listTurns(owner, id) {
      const turns: StoredTurn[] = [];
      for (let next: string | null = id; next !== null; next = turns[0]!.previousId) {
        turns.unshift(await require(owner, next));
        if (turns.length <= MAX_TURNS) continue;
        const reason = `goes on from more than ${MAX_TURNS} responses. Begin a new conversation`;
        throw new AppError('invalid_value', { param: 'previous_response_id', reason });
      }
      return turns;
    },

    async deleteResponse(owner, id) {
      await db.transaction().execute(async (trx) => {
        await require(owner, id, trx);
        await callOff(trx, 'response', id, clock.now());
        await trx.deleteFrom('responses').where('id', '=', id).execute();
      });
    },

    cancelResponse: (owner, id) =>
      db.transaction().execute(async (trx) => {
        const stored = await require(owner, id, trx);
        if (!UNFINISHED.includes(stored.status)) return stored;
        await callOff(trx, 'response', id, clock.now());
        const cancelled = {
          ...stored,
          status: 'cancelled',
          task: null,
          body: { ...stored.body, status: 'cancelled' },
        } as const;
        await update(trx, cancelled);
        return cancelled;
      }),

    startResponse: ({ tenant, subject: id }) =>
      db.transaction().execute(async (trx) => {
        const stored = await requireOf(trx, tenant, id);
        const begun = { ...stored, status: 'in_progress', body: { ...stored.body, status: 'in_progress' } } as const;
        await update(trx, begun);
        return begun;
      }),

    finishResponse: (lease, { status, body, added }) =>
      db.transaction().execute(async (trx) => {
        if (!(await completeJob(jobTables(trx), lease, clock.now()))) return;
        const owner = await requireOf(trx, lease.tenant, lease.subject);
        if (added !== null) await append(trx, owner, added, clock, hashUser);
        await update(trx, { id: lease.subject, status, body, task: null });
      }),

    failResponse: (tenant, id, error) =>
      db.transaction().execute(async (trx) => {
        const { body } = await requireOf(trx, tenant, id);
        await update(trx, { id, status: 'failed', body: { ...body, status: 'failed', error }, task: null });
      }),

    async expireResponses(retentionDays) {
      let deleted = 0;
      for (const { tenant, days } of await retentions(db, retentionDays)) {
        const oldest = clock.now() - days * DAY_MS;
        await expireConversations(db, tenant, oldest);
        const old = db
          .selectFrom('responses')
          .select('id')
          .where('tenant', '=', tenant)
          .where('createdAt', '<', oldest)
          .limit(BATCH);
        for (let some = BATCH; some === BATCH; deleted += some) {
          const { numDeletedRows } = await db.deleteFrom('responses').where('id', 'in', old).executeTakeFirstOrThrow();
          some = Number(numDeletedRows);
        }
      }
      const oldest = clock.now() - retentionDays * DAY_MS;
      await db.deleteFrom('batches').where('isOver', '=', 1).where('createdAt', '<', oldest).execute();
      await createJobs(jobTables(db)).prune(clock.now() - JOBS_KEPT_DAYS * DAY_MS);
      return deleted;
    },
  };
}

/** A tenant that keeps records for a shorter time keeps texts no longer. */
async function retentions(db: Database, retentionDays: number): Promise<{ tenant: string; days: number }[]> {
  const rows = await db
    .selectFrom('tenants')
    .leftJoin('dataPolicies', 'dataPolicies.tenant', 'tenants.id')
    .select(['tenants.id', 'dataPolicies.retentionDays'])
    .execute();
  return rows.map(({ id, retentionDays: own }) => ({
    tenant: id,
    days: Math.min(own ?? retentionDays, retentionDays),
  }));
}

async function update(trx: Database, { id, status, body, task }: Pick<StoredTurn, 'id' | 'status' | 'body' | 'task'>) {
  const change = { status, body: JSON.stringify(body), task: task && JSON.stringify(task) };
  await trx.updateTable('responses').set(change).where('id', '=', id).execute();
}

function found(row: ResponseRow | undefined, id: string): StoredTurn {
  if (row === undefined) throw new AppError('not_found', { what: 'Response', id });
  return toTurn(row);
}

function toTurn({ userHash: _, ...row }: ResponseRow): StoredTurn {
  const read = (json: string) => JSON.parse(json);
  return {
    ...row,
    status: row.status as ResponseStatus,
    input: read(row.input),
    body: read(row.body),
    task: row.task === null ? null : read(row.task),
  };
}
