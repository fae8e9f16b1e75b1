import { randomUUID } from 'node:crypto';
import type { AuditChange } from '../contracts/audit.js';
import type { Clock } from '../contracts/clock.js';
import type { Job } from '../contracts/jobs.js';
import type { ModelImport, ModelImports, WantedModel } from '../contracts/model-imports.js';
import { AppError } from '../errors/app-error.js';
import type { JobStore, Lease } from '../jobs/jobs.js';
import { JobRunner, type Working } from '../jobs/runner.js';
import type { Metrics } from '../metrics/metrics.js';
import { listModels } from './list-models.js';
import { isModelId } from './model-id.js';
import type { PullProgress } from './pull.js';
import { type PullApart, pullApart } from './pull-apart.js';

export interface ModelImportsOptions {
  readonly registry: {
    readonly jobs: JobStore;
    readonly isAlone: boolean;
    noteChange(change: AuditChange): Promise<void>;
  };
  readonly dataDir: string;
  /** null: none. */
  readonly sourceDir: string | null;
  /** Ids of those that this gateway runs with. */
  readonly inUse: readonly string[];
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly onError: (error: unknown, what: string) => void;
  /** Left out: in a process of its own. */
  readonly pull?: PullApart;
}

export interface ModelImporter extends ModelImports {
  begin(): void;
  close(): Promise<void>;
}

const KIND = 'model_import';
/** Models are the gateway's and nobody's own. */
const GATEWAY = '*';
const MAX_ATTEMPTS = 5;
const LISTED = 100;
/** Of the way, what the download is: the rest, the import, says nothing of itself. */
const DOWNLOAD_SHARE = 0.9;
const FAILURE = {
  code: 'internal',
  message: 'The import ended unexpectedly. The log of the gateway says more.',
} as const;

/** Imports as jobs. What they are of is their subject; how a download goes is known here alone, and after a restart it goes on from its bytes. */
export function createModelImports(options: ModelImportsOptions): ModelImporter {
  const { registry, dataDir, sourceDir, inUse, metrics, clock, onError, pull = pullApart } = options;
  const { jobs } = registry;
  const going = new Map<string, PullProgress>();
  const note = (action: string, subject: string, before: unknown, after: unknown) =>
    registry.noteChange({ tenant: GATEWAY, action, subject, before, after });

  const toImport = (job: Job): ModelImport => {
    const { id, status, attempts, progress, error, createdAt, startedAt, finishedAt, leftMs } = job;
    const now = status === 'running' ? (going.get(job.subject) ?? null) : null;
    return {
      ...wantedOf(job.subject),
      ...{ id, status, attempts, progress, error, createdAt, startedAt, finishedAt, leftMs },
      detail: now?.detail ?? null,
      bytes: now && { done: now.bytesDone, total: now.bytesTotal },
    };
  };
  const requireKnown = async (id: string) => {
    if ((await listModels(dataDir)).some((one) => one.id === id)) return;
    const reason = `${id} is not known. Name one of the Hub as hub:owner/name[:file], or one that "switchyard models list" shows`;
    throw new AppError('invalid_value', { param: 'model', reason });
  };
  const get = async (id: string) => toImport(await jobs.get(GATEWAY, id, 1));

  async function work(lease: Lease, { signal, progress, risk }: Working): Promise<void> {
    const { model, as } = wantedOf(lease.subject);
    let isRisked = false;
    const report = (now: PullProgress) => {
      // It takes memory: what ends the gateway five times is not tried again.
      if (now.stage === 'import' && !isRisked) void risk().catch((error: unknown) => onError(error, 'a risk'));
      isRisked ||= now.stage === 'import';
      going.set(lease.subject, now);
      const share = now.bytesTotal === 0 ? 0 : now.bytesDone / now.bytesTotal;
      progress(now.stage === 'import' ? DOWNLOAD_SHARE : DOWNLOAD_SHARE * share);
    };
    try {
      const id = await pull({ model, as, dataDir, sourceDir }, report, signal);
      if (!(await jobs.complete(lease, clock.now()))) return;
      metrics.add('jobs_ended_total', { kind: KIND, outcome: 'completed' });
      await note('model.imported', id, null, { model, as });
    } finally {
      going.delete(lease.subject);
    }
  }

  const runner = new JobRunner({
    ...{ jobs, kind: KIND, holder: randomUUID(), isAlone: registry.isAlone, atOnce: 1, maxAttempts: MAX_ATTEMPTS },
    ...{ failure: FAILURE, clock, work, onError },
    onFailed: () => metrics.add('jobs_ended_total', { kind: KIND, outcome: 'failed' }),
  });

  return {
    async models() {
      const listed = await listModels(dataDir);
      return listed.map(({ id, kind, manifest, bytes }) => ({
        ...{ id, kind, isImported: manifest !== null, bytes },
        isInUse: inUse.includes(id),
      }));
    },

    async start(wanted) {
      if (!registry.isAlone) {
        const reason = 'gateways that share a registry have a data folder each: use "switchyard models pull" there';
        throw new AppError('invalid_value', { param: 'model', reason });
      }
      requireSound(wanted, inUse);
      if (!wanted.model.startsWith('hub:')) await requireKnown(wanted.model);
      const subject = subjectOf(wanted);
      const before = await jobs.about(KIND, GATEWAY, subject, 1);
      if (before?.status === 'queued' || before?.status === 'running') return toImport(before);
      await jobs.add({ kind: KIND, tenant: GATEWAY, subject, size: 1 }, clock.now());
      const job = (await jobs.about(KIND, GATEWAY, subject, 1))!;
      await note('model.import_started', job.id, null, wanted);
      runner.wake();
      return toImport(job);
    },

    get,

    async list() {
      const page = { limit: LISTED, after: null, order: 'desc' } as const;
      return (await jobs.list(GATEWAY, page, { kind: KIND }, 1)).items.map(toImport);
    },

    async cancel(id) {
      const before = await get(id);
      if (before.status !== 'queued' && before.status !== 'running') return before;
      await jobs.cancel(GATEWAY, id, clock.now());
      const { model, as } = before;
      await note('model.import_cancelled', id, { model, as, status: before.status }, null);
      return get(id);
    },

    begin() {
      // Another gateway has another folder.
      if (registry.isAlone) runner.start();
    },

    close: () => runner.stop(),
  };
}

function requireSound({ model, as }: WantedModel, inUse: readonly string[]): void {
  const wrong = (param: string, reason: string) => new AppError('invalid_value', { param, reason });
  if (!model.startsWith('hub:')) {
    if (as !== null) throw wrong('as', 'is for models of the Hub');
    if (!isModelId(model)) throw wrong('model', 'must be the id of a known model, or hub:owner/name[:file]');
  } else if (as !== null && !isModelId(as)) throw wrong('as', 'must be letters, digits, dots, dashes and underscores');
  else if (as !== null && inUse.includes(as)) throw wrong('as', `${as} is in use. Choose another one`);
}

/** No reference has a line end in it. */
const subjectOf = ({ model, as }: WantedModel): string => (as === null ? model : `${model}\n${as}`);

function wantedOf(subject: string): WantedModel {
  const [model, as = null] = subject.split('\n') as [string, string?];
  return { model, as };
}
