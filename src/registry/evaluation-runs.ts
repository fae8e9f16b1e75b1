import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Clock } from '../contracts/clock.js';
import type { EvaluationRun, EvaluationRuns, EvaluationTask, NewEvaluationRun } from '../contracts/evaluations.js';
import type { Job } from '../contracts/jobs.js';
import { MAX_EVALUATION_RUNS } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import { completeJob, endJob, enqueueJob, holdsJob, unfinishedJobs } from '../jobs/jobs.js';
import { createReading } from '../jobs/reading.js';
import { ownTimeLeftMs } from '../jobs/time-left.js';
import { requireVersion } from './adapter-rows.js';
import { type Audited, jobTables } from './database.js';
import { addReport, requireRoomForReport } from './evaluations.js';
import { callOff } from './job-subjects.js';
import { OPERATOR } from './revision.js';
import type { Database } from './tables/tables.js';
import type { EvaluationRunRow } from './tables/texts.js';
import { validEvaluation } from './valid-lineage.js';
import { invalid } from './validate.js';

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Audited;
  /** Whether a tenant's texts may be kept. */
  readonly keepsTexts: (tenant: string) => Promise<boolean>;
  /** Told within the transaction of it. */
  readonly onStarted: () => void;
}

type Row = Omit<EvaluationRunRow, 'questions'> & { readonly asked: number };

const KIND = 'evaluation';
/** Of one gateway. */
const AT_ONCE = 1;
const ASKABLE = ['candidate', 'approved', 'quarantined'];
/** Of a run whose job is forgotten while it is looked at. */
const FORGOTTEN = {
  status: 'completed',
  attempts: 1,
  error: null,
  startedAt: null,
  finishedAt: null,
  leftMs: null,
} as const;

/** Evaluations that are asked for, what was answered so far, and what came of them. How the work goes says its job. */
export function createEvaluationRuns({ db, clock, audit, keepsTexts, onStarted }: Options): EvaluationRuns {
  /** By its own pace, which tells more than that of others: they had other models and questions. */
  const ownTimeLeft = async (from: Database, run: string, startedAt: number, left: number): Promise<number | null> => {
    const { done, last } = await from
      .selectFrom('evaluationAnswers')
      .select((eb) => [eb.fn.countAll<number>().as('done'), eb.fn.max<number | null>('answeredAt').as('last')])
      .where('run', '=', run)
      .where('answeredAt', '>=', startedAt)
      .executeTakeFirstOrThrow();
    return ownTimeLeftMs({ done, left, inMs: (last ?? startedAt) - startedAt });
  };

  const countAnswers = async (from: Database, runs: readonly string[]): Promise<ReadonlyMap<string, number>> => {
    const counted = await from
      .selectFrom('evaluationAnswers')
      .select((eb) => ['run', eb.fn.countAll<number>().as('answers')])
      .where('run', 'in', runs)
      .groupBy('run')
      .execute();
    return new Map(counted.map(({ run, answers }) => [run, answers]));
  };

  /** Asks the database as often for many as for one, but for those that are asked now. @param rows of one tenant */
  const readAll = async (rows: readonly Row[], tenant: string, from = db): Promise<EvaluationRun[]> => {
    const ids = rows.map(({ id }) => id);
    const jobs = await createReading(jobTables(from)).aboutAll(KIND, tenant, ids, AT_ONCE);
    // Those of a completed run are all there, and would be read with their texts.
    const counts = await countAnswers(
      from,
      ids.filter((id) => jobs.get(id)?.status !== 'completed'),
    );
    const runs: EvaluationRun[] = [];
    for (const row of rows) {
      const job = jobs.get(row.id) ?? null;
      const answered = job?.status === 'completed' ? row.asked : (counts.get(row.id) ?? 0);
      const isAsked = job?.status === 'running' && job.startedAt !== null;
      const own = isAsked ? await ownTimeLeft(from, row.id, job.startedAt, row.asked - answered) : null;
      runs.push(toRun(row, job, answered, own));
    }
    return runs;
  };
  const read = async (row: Row, from = db) => (await readAll([row], row.tenant, from))[0]!;

  const startedBefore = async (trx: Database, { tenant }: EvaluationTask, dataDigest: string, task: string) => {
    const waiting = await unfinishedJobs(jobTables(trx), KIND).select('subject').where('tenant', '=', tenant).execute();
    const rows = await Promise.all(waiting.map(({ subject }) => findRow(trx, tenant, subject)));
    const same = rows.find((row) => row?.dataDigest === dataDigest && row.task === task);
    if (same !== undefined || rows.length < MAX_EVALUATION_RUNS) return same;
    throw invalid('tenant', `has ${rows.length} evaluations that wait or run, which is the most`);
  };

  return {
    startEvaluationRun: ({ questions, ...wanted }, { actor } = OPERATOR) =>
      db.transaction().execute(async (trx) => {
        const { tenant, adapter, version } = wanted;
        const { status } = await requireVersion(trx, tenant, adapter, version);
        if (!ASKABLE.includes(status)) throw invalid('version', `is ${status}, so that nothing can be asked of it`);
        await requireRoomForReport(trx, tenant, adapter, version);
        const task = await toTask(trx, wanted);
        validEvaluation({ name: task.name, figures: { questions: questions.length }, dataDigest: null });
        const json = JSON.stringify(questions);
        const dataDigest = createHash('sha256').update(json).digest('hex');
        const same = await startedBefore(trx, task, dataDigest, JSON.stringify(task));
        if (same) return read(same, trx);
        const id = `eval_${randomBytes(12).toString('hex')}`;
        const createdAt = clock.now();
        const row = {
          id,
          tenant,
          adapter,
          version,
          deployment: task.deployment,
          task: JSON.stringify(task),
          dataDigest,
        };
        const made = { ...row, startedBy: actor, figures: null, report: null, createdAt };
        await trx
          .insertInto('evaluationRuns')
          .values({ ...made, questions: json })
          .execute();
        await enqueueJob(jobTables(trx), { kind: KIND, tenant, subject: id, size: questions.length }, createdAt);
        const after = { ...task, questions: questions.length, dataDigest };
        onStarted();
        await audit(trx, { tenant, action: 'evaluation.started', subject: id, before: null, after });
        return read({ ...made, asked: questions.length }, trx);
      }),

    getEvaluationRun: async (tenant, id) => read(await requireRow(db, tenant, id)),

    async listEvaluationRuns(tenant) {
      const rows = await rowsOf(db, tenant).orderBy('createdAt', 'desc').orderBy('id').execute();
      return readAll(rows, tenant);
    },

    cancelEvaluationRun: (tenant, id) =>
      db.transaction().execute(async (trx) => {
        const row = await requireRow(trx, tenant, id);
        const before = await read(row, trx);
        if (before.status !== 'queued' && before.status !== 'running') return before;
        await callOff(trx, KIND, id, clock.now());
        const after = await read(row, trx);
        const { status, answered } = after;
        const change = { before: { status: before.status }, after: { status, answered } };
        await audit(trx, { tenant, action: 'evaluation.cancelled', subject: id, ...change });
        return after;
      }),

    async listEvaluationAnswers(tenant, id, { from, limit }) {
      const { questions } = await db
        .selectFrom('evaluationRuns')
        .select('questions')
        .where('id', '=', (await requireRow(db, tenant, id)).id)
        .executeTakeFirstOrThrow();
      const asked = JSON.parse(questions);
      const rows = await db
        .selectFrom('evaluationAnswers')
        .select(['position', 'score', 'text'])
        .where('run', '=', id)
        .where('position', '>=', from)
        .orderBy('position')
        .limit(limit)
        .execute();
      return rows.map(({ position, score, text }) => ({
        ...{ position, question: asked[position], score: JSON.parse(score), text },
      }));
    },

    async findEvaluationRun({ tenant, subject }) {
      const row = await findRow(db, tenant, subject);
      if (row === undefined) return null;
      const { questions } = await db
        .selectFrom('evaluationRuns')
        .select('questions')
        .where('id', '=', subject)
        .executeTakeFirstOrThrow();
      return { run: await read(row), questions: JSON.parse(questions) };
    },

    async listEvaluationScores(id) {
      const rows = await db
        .selectFrom('evaluationAnswers')
        .select(['position', 'score'])
        .where('run', '=', id)
        .orderBy('position')
        .execute();
      return new Map(rows.map(({ position, score }) => [position, JSON.parse(score)]));
    },

    async addEvaluationAnswer(lease, { position, score, text }) {
      const kept = (await keepsTexts(lease.tenant)) ? text : null;
      await db.transaction().execute(async (trx) => {
        // A version that is deleted takes its runs along.
        const isThere = await findRow(trx, lease.tenant, lease.subject);
        if (!isThere || !(await holdsJob(jobTables(trx), lease))) return;
        const row = { run: lease.subject, position, score: JSON.stringify(score), text: kept, answeredAt: clock.now() };
        await trx
          .insertInto('evaluationAnswers')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      });
    },

    finishEvaluationRun: (lease, figures) =>
      db.transaction().execute(async (trx) => {
        const row = await findRow(trx, lease.tenant, lease.subject);
        if (row === undefined || figures === null) {
          return endJob(jobTables(trx), lease.seq, 'cancelled', clock.now());
        }
        if (!(await completeJob(jobTables(trx), lease, clock.now()))) return;
        const { tenant, adapter: name, version, dataDigest, startedBy: actor } = row;
        const report = { name: (JSON.parse(row.task) as EvaluationTask).name, figures, dataDigest };
        const hasRoom = await requireRoomForReport(trx, tenant, name, version).then(
          () => true,
          (error: unknown) => {
            if (error instanceof AppError) return false;
            throw error;
          },
        );
        const of = { tenant, name, version };
        const added = hasRoom ? await addReport(trx, audit, of, { ...report, actor, createdAt: clock.now() }) : null;
        await trx
          .updateTable('evaluationRuns')
          .set({ figures: JSON.stringify(figures), report: added?.seq ?? null })
          .where('id', '=', row.id)
          .execute();
      }),

    async forgetEvaluationTexts(tenant) {
      const runs = db.selectFrom('evaluationRuns').select('id').where('tenant', '=', tenant);
      await db
        .updateTable('evaluationAnswers')
        .set({ text: null })
        .where('run', 'in', runs)
        .where('text', 'is not', null)
        .execute();
    },

    async expireEvaluationRuns() {
      const tables = jobTables(db);
      const rows = await db.selectFrom('evaluationRuns').select('id').execute();
      const known = await tables.selectFrom('jobs').select('subject').where('kind', '=', KIND).execute();
      const isKnown = new Set(known.map(({ subject }) => subject));
      for (const { id } of rows) {
        if (!isKnown.has(id)) await db.deleteFrom('evaluationRuns').where('id', '=', id).execute();
      }
    },
  };
}

/** With a deployment and a name, where none was given. */
async function toTask(trx: Database, given: Omit<NewEvaluationRun, 'questions'>): Promise<EvaluationTask> {
  const { tenant, adapter, version, retrieval } = given;
  const rows = await trx
    .selectFrom('deployments')
    .select('name')
    .where('tenant', '=', tenant)
    .where('adapter', '=', adapter)
    .orderBy('name')
    .execute();
  const names = rows.map(({ name }) => name);
  const deployment = given.deployment ?? (names.length === 1 ? names[0]! : null);
  if (deployment === null) {
    const which = names.length === 0 ? `none has ${adapter}; add one` : `must be one of ${names.join(', ')}`;
    throw invalid('deployment', which);
  }
  if (!names.includes(deployment)) throw invalid('deployment', `${deployment} is none that has ${adapter}`);
  return { tenant, adapter, version, deployment, name: given.name ?? `evaluation in ${deployment}`, retrieval };
}

/** As the job says: counted in the questions themselves, which may be megabytes, only where it is forgotten. */
const ASKED = sql<number>`coalesce(
  (select max(size) from jobs where kind = ${sql.lit(KIND)} and subject = evaluation_runs.id),
  json_array_length(questions)
)`;

function rowsOf(from: Database, tenant: string) {
  return from
    .selectFrom('evaluationRuns')
    .select(['id', 'tenant', 'adapter', 'version', 'deployment', 'task', 'dataDigest', 'startedBy', 'figures'])
    .select(['report', 'createdAt'])
    .select(ASKED.as('asked'))
    .where('tenant', '=', tenant);
}

const findRow = (from: Database, tenant: string, id: string): Promise<Row | undefined> =>
  rowsOf(from, tenant).where('id', '=', id).executeTakeFirst();

async function requireRow(from: Database, tenant: string, id: string): Promise<Row> {
  const row = await findRow(from, tenant, id);
  if (row === undefined) throw new AppError('not_found', { what: 'Evaluation', id });
  return row;
}

function toRun(row: Row, job: Job | null, answered: number, ownLeftMs: number | null): EvaluationRun {
  const { id, task, asked, dataDigest, startedBy, figures, report, createdAt } = row;
  const { status, attempts, error, startedAt, finishedAt, leftMs } = job ?? FORGOTTEN;
  return {
    ...(JSON.parse(task) as EvaluationTask),
    ...{ id, questions: asked, answered, dataDigest, startedBy, status, attempts, error },
    ...{ createdAt, startedAt, finishedAt, leftMs: ownLeftMs ?? leftMs },
    figures: figures && JSON.parse(figures),
    report,
  };
}
