import { randomBytes } from 'node:crypto';
import type { Clock } from '../contracts/clock.js';
import { MAX_WEBHOOKS, ROLLOUT_EVENTS, WEBHOOK_GRACE_MS } from '../contracts/registry-limits.js';
import type { RolloutEventType } from '../contracts/rollouts.js';
import type { NewWebhook, Webhook, Webhooks } from '../contracts/webhooks.js';
import { AppError } from '../errors/app-error.js';
import { completeJob, enqueueJob } from '../jobs/jobs.js';
import type { Audited } from './database.js';
import { jobTables } from './database.js';
import { findRolloutEvent } from './rollout-events.js';
import type { WebhookRow } from './tables/deployments.js';
import type { Database } from './tables/tables.js';
import { requireTenant } from './tenants.js';
import { invalid } from './validate.js';

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Audited;
  readonly checkUrl: (url: string) => void;
}

/** `<webhook>/<deployment>/<revision>`: of names none has a slash in it. */
const subjectOf = (id: string, deployment: string, revision: number) => `${id}/${deployment}/${revision}`;

/** The webhooks of tenants, and what they are still to be told. Secrets leave at their making, and for a delivery. */
export function createWebhooks({ db, clock, audit, checkUrl }: Options): Webhooks {
  const note = (lease: { readonly subject: string }, lastError: string | null) =>
    db
      .updateTable('webhooks')
      .set({ lastAt: clock.now(), lastError })
      .where('id', '=', lease.subject.split('/')[0]!)
      .execute();

  return {
    async addWebhook({ tenant, url, events }) {
      checkUrl(url);
      const unknown = events.find((event) => !ROLLOUT_EVENTS.includes(event));
      if (unknown !== undefined) throw invalid('events', `must be among ${ROLLOUT_EVENTS.join(', ')}, got ${unknown}`);
      return db.transaction().execute(async (trx) => {
        await requireTenant(trx, tenant);
        const { length } = await rowsOf(trx, tenant).execute();
        if (length >= MAX_WEBHOOKS) throw invalid('url', `the tenant has ${length} webhooks, which is the most`);
        const row: WebhookRow = {
          id: `wh_${randomBytes(12).toString('hex')}`,
          tenant,
          url,
          events: JSON.stringify([...new Set(events)]),
          secret: newSecret(),
          previousSecret: null,
          previousUntil: null,
          createdAt: clock.now(),
          lastAt: null,
          lastError: null,
        };
        await trx.insertInto('webhooks').values(row).execute();
        await audit(trx, { tenant, action: 'webhook.added', subject: row.id, before: null, after: toLine(row) });
        return withSecret(row);
      });
    },

    async listWebhooks(tenant) {
      await requireTenant(db, tenant);
      return (await rowsOf(db, tenant).execute()).map(toWebhook);
    },

    rotateWebhook: (tenant, id) =>
      db.transaction().execute(async (trx) => {
        const before = await requireWebhook(trx, tenant, id);
        const change = {
          secret: newSecret(),
          previousSecret: before.secret,
          previousUntil: clock.now() + WEBHOOK_GRACE_MS,
        };
        await trx.updateTable('webhooks').set(change).where('id', '=', id).execute();
        const after = { ...before, ...change };
        await audit(trx, {
          tenant,
          action: 'webhook.rotated',
          subject: id,
          before: toLine(before),
          after: toLine(after),
        });
        return withSecret(after);
      }),

    removeWebhook: (tenant, id) =>
      db.transaction().execute(async (trx) => {
        const row = await requireWebhook(trx, tenant, id);
        await trx.deleteFrom('webhooks').where('id', '=', id).execute();
        await audit(trx, { tenant, action: 'webhook.removed', subject: id, before: toLine(row), after: null });
        return toWebhook(row);
      }),

    async findDelivery({ tenant, subject }) {
      const [id, deployment, revision] = subject.split('/') as [string, string, string];
      const row = await rowsOf(db, tenant).where('id', '=', id).executeTakeFirst();
      const event = await findRolloutEvent(db, { tenant, name: deployment }, Number(revision));
      if (row === undefined || event === null) return null;
      const { secret, previousSecret, previousUntil } = row;
      const isPreviousGood = previousSecret !== null && previousUntil !== null && previousUntil > clock.now();
      return {
        webhook: toWebhook(row),
        secrets: isPreviousGood ? [secret, previousSecret] : [secret],
        deployment,
        event,
      };
    },

    finishDelivery: async (lease) => {
      await completeJob(jobTables(db), lease, clock.now());
      await note(lease, null);
    },

    noteFailedDelivery: async (lease, { message }) => {
      await note(lease, message);
    },
  };
}

/** Leaves word for the webhooks that want to know, in the transaction of what happened. @returns whether there are any */
export async function tellWebhooks(
  trx: Database,
  { tenant, name, revision }: { tenant: string; name: string; revision: number },
  type: RolloutEventType,
  nowMs: number,
): Promise<boolean> {
  const rows = await rowsOf(trx, tenant).execute();
  const wanting = rows.map(toWebhook).filter(({ events }) => events.length === 0 || events.includes(type));
  for (const { id } of wanting) {
    const job = { kind: 'webhook', tenant, subject: subjectOf(id, name, revision), size: 1 } as const;
    await enqueueJob(jobTables(trx), job, nowMs);
  }
  return wanting.length > 0;
}

function rowsOf(db: Database, tenant: string) {
  return db.selectFrom('webhooks').selectAll().where('tenant', '=', tenant).orderBy('createdAt').orderBy('id');
}

async function requireWebhook(trx: Database, tenant: string, id: string): Promise<WebhookRow> {
  const row = await rowsOf(trx, tenant).where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new AppError('not_found', { what: 'Webhook', id });
  return row;
}

/** As Standard Webhooks has secrets: 24 to 64 bytes in base64. */
const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

function toWebhook({ secret: _, previousSecret: __, events, ...row }: WebhookRow): Webhook {
  return { ...row, events: JSON.parse(events) };
}

function withSecret(row: WebhookRow): NewWebhook {
  return { ...toWebhook(row), secret: row.secret };
}

/** As the audit log has it. */
function toLine(row: WebhookRow) {
  const { url, events, previousUntil } = toWebhook(row);
  return { url, events, previousUntil };
}
