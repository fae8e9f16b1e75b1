import type { AnswerRecord, Registry } from '../contracts/registry.js';
import { AppError } from '../errors/app-error.js';
import { Roll } from '../queues/roll.js';
import { storageTrouble } from '../sqlite/storage-trouble.js';
import { prepareAnswerWrites } from './answer-writes.js';
import type { OpenDatabase } from './database.js';
import type { Database } from './tables/tables.js';
import type { UsageTable } from './tables/tenants.js';
import { sumUsage, usageOf } from './usage.js';
import type { HashUser } from './user-hash.js';

/** How long a record may wait for others to share its commit, and that its way to the disk. */
const GROUP_COMMIT_MS = 20;
/** Sums of usage that may wait for a disk: by key, deployment, version and day. */
const MOST_OWED = 10_000;

type Answers = Pick<Registry, 'recordAnswer' | 'getAnswer' | 'recordSignals' | 'getSignals'> & {
  /** The answer, once rows may refer to its own. @throws AppError `not_found` where it is not this tenant's */
  onDisk(tenant: string, answerId: string): Promise<AnswerRecord>;
  /** Resolves when nothing waits any more, but for usage that the disk still keeps from being written. */
  flush(): Promise<void>;
};

/** What is committed together. */
interface Group {
  readonly records: AnswerRecord[];
  /** Of `records`. */
  readonly answers: (readonly unknown[])[];
  readonly signals: (readonly unknown[])[];
}

const emptyGroup = (): Group => ({ records: [], answers: [], signals: [] });

export function createAnswers({
  db,
  prepare,
  writeBehind,
  hashUser,
}: Pick<OpenDatabase, 'db' | 'prepare' | 'writeBehind'> & { hashUser: HashUser }): Answers {
  const writes = prepareAnswerWrites(prepare);
  /** The next commit. */
  let waiting = emptyGroup();
  /** Those on their way. */
  const committing = new Roll<Group>();
  let next: Promise<void> | null = null;
  /** Usage of answers whose records were lost to a full disk or a busy database: written with the next group that is. */
  let owed: UsageTable[] = [];
  /** Settles with the newest commit; whoever recorded has its error. */
  let settled: Promise<void> = Promise.resolve();

  /** All records of one window share one commit, and one promise that settles with it. */
  function scheduleCommit(): Promise<void> {
    if (next === null) {
      next = new Promise((resolve) => setTimeout(resolve, GROUP_COMMIT_MS)).then(commitWaiting);
      settled = next.catch(() => undefined);
    }
    return next;
  }

  async function commitWaiting(): Promise<void> {
    const group = waiting;
    waiting = emptyGroup();
    const leave = committing.add(group);
    next = null;
    const { answers, signals } = group;
    const usage = sumUsage([...owed, ...group.records.filter(isAsked).map(usageOf)]);
    owed = [];
    let isWritten = false;
    try {
      await writeBehind(writes.all({ answers, usage, signals }), () => {
        // From here on the database has them, though it may take a while until they are on the disk.
        isWritten = true;
        for (const written of Object.values(group)) written.length = 0;
      });
    } catch (error) {
      if (!isWritten && storageTrouble(error) !== null) owed = sumUsage([...owed, ...usage]).slice(0, MOST_OWED);
      throw error;
    } finally {
      leave();
    }
  }

  /** Recorded, and not yet committed: found like any other. */
  function underWay(id: string): AnswerRecord | undefined {
    const groups = [waiting, ...committing.all()];
    return groups.flatMap(({ records }) => records).find((record) => record.id === id);
  }

  async function requireAnswer(tenant: string, id: string): Promise<AnswerRecord> {
    const recorded = underWay(id) ?? (await findAnswer(db, id));
    if (recorded?.tenant !== tenant) throw new AppError('not_found', { what: 'Answer', id });
    return recorded;
  }

  return {
    recordAnswer(record, user = null) {
      const userHash = user === null ? null : hashUser(record.tenant, user);
      const passages = JSON.stringify(record.passages);
      const safety = record.safety && JSON.stringify(record.safety);
      const tools = record.tools?.length ? JSON.stringify(record.tools) : null;
      waiting.records.push(record);
      const changed = { pair: record.pair ?? null, passages, safety, tools, userHash };
      waiting.answers.push(writes.ofAnswer(record, changed));
      return scheduleCommit();
    },

    getAnswer: requireAnswer,

    recordSignals({ refused, truncated, ...signals }) {
      const row = { ...signals, refused: refused ? 1 : 0, truncated: truncated ? 1 : 0 } as const;
      waiting.signals.push(writes.ofSignals(row));
      return scheduleCommit();
    },

    async getSignals(tenant, answerId) {
      await requireAnswer(tenant, answerId);
      const row = await db.selectFrom('answerSignals').selectAll().where('answerId', '=', answerId).executeTakeFirst();
      return row === undefined ? null : { ...row, refused: row.refused === 1, truncated: row.truncated === 1 };
    },

    async onDisk(tenant, answerId) {
      if (waiting.records.length + committing.size > 0) await settled;
      return requireAnswer(tenant, answerId);
    },

    async flush() {
      if (owed.length > 0) scheduleCommit().catch(() => {});
      await settled;
    },
  };
}

async function findAnswer(db: Database, id: string): Promise<AnswerRecord | undefined> {
  const row = await db.selectFrom('answers').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return undefined;
  const { userHash: _, pair, ...record } = row;
  return {
    ...record,
    ...(pair !== null && { pair }),
    arm: row.arm as AnswerRecord['arm'],
    assignedBy: row.assignedBy as AnswerRecord['assignedBy'],
    finishReason: row.finishReason as AnswerRecord['finishReason'],
    passages: JSON.parse(row.passages),
    safety: row.safety === null ? null : JSON.parse(row.safety),
    tools: row.tools === null ? [] : JSON.parse(row.tools),
  };
}

/** Nobody asked for a copy, so nobody used it. */
function isAsked({ assignedBy }: AnswerRecord): boolean {
  return assignedBy !== 'shadow';
}
