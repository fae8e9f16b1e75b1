import type { Clock } from '../contracts/clock.js';
import type { AnswerRecord, Registry } from '../contracts/registry.js';
import { MAX_COMMENT } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import type { AnswerRow, Database } from './database.js';
import { validText } from './validate.js';

/** How long a record may wait for others to share its commit: every commit blocks the gateway for one fsync. */
const GROUP_COMMIT_MS = 20;

type Answers = Pick<Registry, 'recordAnswer' | 'getAnswer' | 'addFeedback'> & {
  /** Resolves when nothing waits any more. */
  flush(): Promise<void>;
};

export function createAnswers({ db, clock }: { db: Database; clock: Clock }): Answers {
  /** Of the next commit. */
  let waiting: AnswerRecord[] = [];
  let next: Promise<void> | null = null;
  /** Settles with the newest commit; whoever recorded has its error. */
  let settled: Promise<void> = Promise.resolve();
  /** Recorded, and not yet committed: found like any other. */
  const underWay = new Map<string, AnswerRecord>();

  /** All records of one window share one commit, and one promise that settles with it. */
  function scheduleCommit(): Promise<void> {
    if (next === null) {
      next = new Promise((resolve) => setTimeout(resolve, GROUP_COMMIT_MS)).then(commitWaiting);
      settled = next.catch(() => undefined);
    }
    return next;
  }

  async function commitWaiting(): Promise<void> {
    const records = waiting;
    waiting = [];
    next = null;
    try {
      await db.transaction().execute(async (trx) => {
        for (const record of records) {
          const row: AnswerRow = {
            ...record,
            passages: JSON.stringify(record.passages),
            safety: orNull(record.safety),
          };
          await trx.insertInto('answers').values(row).execute();
        }
      });
    } finally {
      for (const { id } of records) underWay.delete(id);
    }
  }

  async function requireAnswer(tenant: string, id: string): Promise<AnswerRecord> {
    const recorded = underWay.get(id) ?? (await findAnswer(db, id));
    if (recorded?.tenant !== tenant) throw new AppError('not_found', { what: 'Answer', id });
    return recorded;
  }

  return {
    recordAnswer(record) {
      waiting.push(record);
      underWay.set(record.id, record);
      return scheduleCommit();
    },

    getAnswer: requireAnswer,

    async addFeedback({ tenant, keyId }, { answerId, rating, comment }) {
      if (comment !== null) validText('comment', comment, MAX_COMMENT);
      // A rating refers to the row of its answer.
      if (underWay.has(answerId)) await settled;
      const answer = await requireAnswer(tenant, answerId);
      const feedback = { rating, comment, createdAt: clock.now() };
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('feedback')
        .values({ answerId, keyId, ...feedback })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow();
      const isFirst = numInsertedOrUpdatedRows === 1n;
      if (!isFirst) {
        await db
          .updateTable('feedback')
          .set(feedback)
          .where('answerId', '=', answerId)
          .where('keyId', '=', keyId)
          .execute();
      }
      return { answer, isFirst };
    },

    flush: () => settled,
  };
}

async function findAnswer(db: Database, id: string): Promise<AnswerRecord | undefined> {
  const row = await db.selectFrom('answers').selectAll().where('id', '=', id).executeTakeFirst();
  return (
    row && {
      ...row,
      arm: row.arm as AnswerRecord['arm'],
      passages: JSON.parse(row.passages),
      safety: row.safety === null ? null : JSON.parse(row.safety),
    }
  );
}

function orNull(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}
