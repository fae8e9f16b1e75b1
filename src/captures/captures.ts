import { join } from 'node:path';
import type { AuditChange } from '../contracts/audit.js';
import type { Capture, Captures } from '../contracts/captures.js';
import type { Clock } from '../contracts/clock.js';
import type { AnswerTexts } from '../contracts/judge.js';
import type { AnswerRecord, Registry } from '../contracts/registry.js';
import { AppError } from '../errors/app-error.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Scrub } from '../personal-data/scrub.js';
import { Roll } from '../queues/roll.js';
import { isSampled, redactTexts } from './sample.js';
import { openCaptureStore } from './store.js';

const FILE = 'captures.db';
/** Answers whose texts may wait to be kept; further ones are left out, and counted. */
const MAX_WAITING = 64;
const DAY_MS = 24 * 3600 * 1000;

export interface CaptureOptions {
  readonly dataDir: string;
  readonly registry: Pick<Registry, 'getDataPolicy' | 'listTenants' | 'hashUser' | 'noteChange'>;
  /** Takes personal data out of what is kept. */
  readonly scrub: Scrub;
  readonly metrics: Metrics;
  readonly clock: Pick<Clock, 'now'>;
  /** Where a tenant has no limit of its own. */
  readonly limits: { readonly captureDays: number; readonly retentionDays: number; readonly maxCaptures: number };
  /** Told when the texts of an answer could not be kept. */
  readonly onFailed: (error: unknown, answerId: string) => void;
}

/** Keeps the texts of a share of the answers of those tenants that ask for it, without personal data, for some days. */
export function openCaptures({ dataDir, registry, scrub, metrics, clock, limits, onFailed }: CaptureOptions) {
  const store = openCaptureStore(join(dataDir, FILE));
  const running = new Roll<Promise<void>>();
  const closing = new AbortController();

  async function keep(record: AnswerRecord, texts: AnswerTexts, user: string | null): Promise<void> {
    try {
      const { captureRate } = await registry.getDataPolicy(record.tenant);
      if (closing.signal.aborted || !isSampled(record.pair ?? record.id, captureRate)) return;
      // Behind the answer that is being given.
      await new Promise((resolve) => setImmediate(resolve));
      const capture = await toCapture(record, texts, scrub, closing.signal);
      store.add(record.tenant, capture, user === null ? null : registry.hashUser(record.tenant, user));
      metrics.add('captures_total', { outcome: 'kept' });
    } catch (error) {
      metrics.add('captures_total', { outcome: closing.signal.aborted ? 'dropped' : 'failed' });
      if (!closing.signal.aborted) onFailed(error, record.id);
    }
  }

  function find(tenant: string, answerId: string): Capture {
    const found = store.find(tenant, answerId);
    if (found === null) throw new AppError('not_found', { what: 'Capture of the answer', id: answerId });
    return found;
  }

  /** In another database than what it is about, so it goes first: rather a line too many than one too few. */
  const note = (change: Omit<AuditChange, 'before' | 'after'>, before: AuditChange['before'] = null) =>
    registry.noteChange({ ...change, before, after: null });

  return {
    capture(record, texts, user) {
      if (closing.signal.aborted || running.size >= MAX_WAITING) {
        metrics.add('captures_total', { outcome: 'dropped' });
        return;
      }
      const job = keep(record, texts, user);
      const leave = running.add(job);
      void job.finally(leave);
    },

    async list(tenant, { limit, before }) {
      await registry.getDataPolicy(tenant);
      return store.list(tenant, { limit, before: before ?? { createdAt: Number.MAX_SAFE_INTEGER, answerId: '' } });
    },

    async read(tenant, answerId) {
      const found = find(tenant, answerId);
      await note({ tenant, action: 'capture.read', subject: answerId });
      return found;
    },

    async remove(tenant, answerId) {
      const { deployment, createdAt } = find(tenant, answerId);
      await note({ tenant, action: 'capture.deleted', subject: answerId }, { deployment, createdAt });
      store.remove(tenant, answerId);
    },

    async forgetUser(tenant, user) {
      // What is being kept right now is found, too.
      await Promise.all(running.all());
      const hash = registry.hashUser(tenant, user);
      const captures = store.removeUser(tenant, hash);
      const subject = Buffer.from(hash).toString('hex');
      if (captures > 0) await note({ tenant, action: 'user.captures_forgotten', subject }, { captures });
      return captures;
    },

    async forgetDocuments(tenant, fileIds) {
      await Promise.all(running.all());
      return store.removeDocuments(tenant, fileIds);
    },

    /** Deletes what is too old or too much, and everything of those who no longer ask for it. */
    async expire(): Promise<void> {
      for (const { id: tenant } of await registry.listTenants()) {
        const { captureRate, captureDays, retentionDays } = await registry.getDataPolicy(tenant);
        const days = Math.min(captureDays ?? limits.captureDays, retentionDays ?? limits.retentionDays);
        const isWanted = captureRate > 0;
        store.expire(tenant, {
          oldest: isWanted ? clock.now() - days * DAY_MS : Number.MAX_SAFE_INTEGER,
          most: isWanted ? limits.maxCaptures : 0,
        });
      }
    },

    async close(): Promise<void> {
      closing.abort();
      await Promise.all(running.all());
      store.close();
    },
  } satisfies Captures & { expire(): Promise<void>; close(): Promise<void> };
}

async function toCapture(
  { id, tenant, deployment, adapter, createdAt, passages }: AnswerRecord,
  texts: AnswerTexts,
  scrub: Scrub,
  signal: AbortSignal,
): Promise<Capture> {
  const { question, answer, passages: clean, redacted } = await redactTexts(tenant, texts, scrub, signal);
  return {
    answerId: id,
    deployment,
    adapter,
    createdAt,
    redacted,
    question,
    answer,
    passages: clean.map((passage, index) => ({ fileId: passages[index]?.fileId ?? null, ...passage })),
  };
}
