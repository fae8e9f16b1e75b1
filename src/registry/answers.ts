import type { Clock } from '../contracts/clock.js';
import type { AnswerRecord, Registry } from '../contracts/registry.js';
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
  let waiting: AnswerRow[] = [];
  let commit: Promise<void> | null = null;
  /** Settles with the newest commit; whoever recorded has its error. */
  let settled: Promise<void> = Promise.resolve();

  /** All records of one window share one commit, and one promise that settles with it. */
  function scheduleCommit(): Promise<void> {
    if (commit === null) {
      commit = new Promise((resolve) => setTimeout(resolve, GROUP_COMMIT_MS)).then(commitWaiting);
      settled = commit.catch(() => undefined);
    }
    return commit;
  }

  async function commitWaiting(): Promise<void> {
    const rows = waiting;
    waiting = [];
    commit = null;
    await db.transaction().execute(async (trx) => {
      for (const row of rows) await trx.insertInto('answers').values(row).execute();
    });
  }

  async function requireAnswer(tenant: string, id: string): Promise<AnswerRow> {
    await settled;
    const row = await db
      .selectFrom('answers')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('id', '=', id)
      .executeTakeFirst();
    if (!row) throw new AppError('not_found', { what: 'Answer', id });
    return row;
  }

  return {
    recordAnswer(record) {
      waiting.push({ ...record, passages: JSON.stringify(record.passages) });
      return scheduleCommit();
    },

    async getAnswer(tenant, id) {
      const { passages, ...row } = await requireAnswer(tenant, id);
      return { ...row, arm: row.arm as AnswerRecord['arm'], passages: JSON.parse(passages) };
    },

    async addFeedback(tenant, { answerId, rating, comment }) {
      if (comment !== null) validText('comment', comment, 4000);
      await requireAnswer(tenant, answerId);
      const feedback = { rating, comment, createdAt: clock.now() };
      await db
        .insertInto('feedback')
        .values({ answerId, ...feedback })
        .onConflict((conflict) => conflict.column('answerId').doUpdateSet(feedback))
        .execute();
    },

    flush: () => settled,
  };
}
