import { type RawBuilder, sql } from 'kysely';
import type { Clock } from '../contracts/clock.js';
import type {
  AnswerRecord,
  Correction,
  GivenPassage,
  Registry,
  ReviewReason,
  TrainingExample,
} from '../contracts/registry.js';
import { LABEL_SCHEMA, MAX_COMMENT, MAX_CORRECTION, MAX_CORRECTION_MESSAGES } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import type { Audited } from './database.js';
import type { ReviewRow } from './tables/answers.js';
import type { Database } from './tables/tables.js';
import { invalid, validNumber, validText } from './validate.js';

/** A person should look at answers below it. */
const LOW_GROUNDEDNESS = 0.4;
/** A passage from this score on most likely holds the answer. */
const GOOD_SCORE = 0.5;
/** Groundedness that two answers to one question are apart where one of them is most likely wrong. */
const DISAGREEMENT = 0.4;
const EXPORT_PAGE = 200;

type Feedbacks = Pick<Registry, 'addFeedback' | 'listReviews' | 'putReview' | 'trainingExamples'>;

interface FeedbackOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Audited;
  readonly onDisk: (tenant: string, answerId: string) => Promise<AnswerRecord>;
  readonly consents: (tenant: string) => Promise<boolean>;
}

/** Opinions of users and reviewers on answers, and what can be learnt from them. */
export function createFeedback({ db, clock, audit, onDisk, consents }: FeedbackOptions): Feedbacks {
  async function checkCorrection(tenant: string, correction: Correction | null): Promise<void> {
    if (correction === null) return;
    const { messages, answer } = correction;
    if (messages.at(-1)?.role !== 'user')
      throw invalid('messages', 'must end with the turn of the user that was answered');
    if (messages.length > MAX_CORRECTION_MESSAGES) {
      throw invalid('messages', `must be at most ${MAX_CORRECTION_MESSAGES}, got ${messages.length}`);
    }
    const characters = messages.reduce((sum, { content }) => sum + content.length, answer.length);
    if (characters > MAX_CORRECTION) {
      throw invalid('messages', `must have at most ${MAX_CORRECTION} characters with the answer, got ${characters}`);
    }
    if (!(await consents(tenant))) throw new AppError('consent_missing', { tenant, what: 'a corrected answer' });
  }

  return {
    async addFeedback({ tenant, keyId }, { answerId, rating, score, categories, comment, correction }) {
      if (comment !== null) validText('comment', comment, MAX_COMMENT);
      if (score !== null) validNumber('score', score, 0, 1);
      if (rating === null && score === null && comment === null && correction === null && categories.length === 0) {
        throw invalid('rating', 'is required where neither score, categories, comment nor corrected_answer is given');
      }
      await checkCorrection(tenant, correction);
      const answer = await onDisk(tenant, answerId);
      const before = await db
        .selectFrom('feedback')
        .select('rating')
        .where('answerId', '=', answerId)
        .where('keyId', '=', keyId)
        .executeTakeFirst();
      const opinion = {
        rating,
        score,
        categories: JSON.stringify([...new Set(categories)]),
        comment,
        messages: correction && JSON.stringify(correction.messages),
        correctedAnswer: correction?.answer ?? null,
        createdAt: clock.now(),
      };
      await db
        .insertInto('feedback')
        .values({ answerId, keyId, ...opinion })
        .onConflict((conflict) => conflict.columns(['answerId', 'keyId']).doUpdateSet(opinion))
        .execute();
      return { answer, isFirst: rating !== null && (before?.rating ?? null) === null };
    },

    async listReviews(tenant, { reason, limit, before = null }) {
      const rows = await db
        .selectFrom('answers')
        .leftJoin('answerSignals', 'answerSignals.answerId', 'answers.id')
        .select(['answers.id', 'answers.createdAt', 'deployment', 'adapter', 'groundedness', 'refused', 'topScore'])
        .select(sql<string | null>`(select copy.id from ${COPY} limit 1)`.as('shadowId'))
        .where('tenant', '=', tenant)
        .where('assignedBy', '<>', 'shadow')
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('reviews').select('reviews.answerId').whereRef('reviews.answerId', '=', 'answers.id'))),
        )
        .where((eb) => eb.or(REASONS.filter(([name]) => (reason ?? name) === name).map(([, holds]) => holds)))
        .select(REASONS.map(([, holds], index) => holds.as(`reason${index}`)))
        .$if(before !== null, (query) =>
          query.where(({ eb, refTuple, tuple }) =>
            eb(refTuple('answers.createdAt', 'answers.id'), '<', tuple(before!.createdAt, before!.answerId)),
          ),
        )
        .orderBy('answers.createdAt', 'desc')
        .orderBy('answers.id', 'desc')
        .limit(limit)
        .execute();
      const opinions = await db
        .selectFrom('feedback')
        .select(['answerId', 'comment', 'messages', 'correctedAnswer'])
        .where(
          'answerId',
          'in',
          rows.map(({ id }) => id),
        )
        .orderBy('createdAt', 'desc')
        .execute();
      return rows.map(({ id, createdAt, deployment, adapter, groundedness, refused, topScore, shadowId, ...row }) => {
        const own = opinions.filter(({ answerId }) => answerId === id);
        return {
          answerId: id,
          createdAt,
          deployment,
          adapter,
          reasons: REASONS.map(([name]) => name).filter(
            (_, index) => (row as Record<string, unknown>)[`reason${index}`] === 1,
          ),
          shadowId,
          groundedness,
          refused: refused === null ? null : refused === 1,
          topScore,
          comments: own.flatMap(({ comment }) => comment ?? []),
          corrections: own.flatMap((one) => toCorrection(one) ?? []),
        };
      });
    },

    async putReview({ tenant, keyId: reviewer }, answerId, { verdict, labels, note, correction }) {
      if (note !== null) validText('note', note, MAX_COMMENT);
      if ((verdict === 'corrected') !== (correction !== null)) {
        throw invalid('correction', 'is given exactly where the verdict is corrected');
      }
      await checkCorrection(tenant, correction);
      await onDisk(tenant, answerId);
      const review: Omit<ReviewRow, 'answerId'> = {
        verdict,
        labels: JSON.stringify([...new Set(labels)]),
        schemaVersion: LABEL_SCHEMA,
        note,
        messages: correction && JSON.stringify(correction.messages),
        correctedAnswer: correction?.answer ?? null,
        reviewer,
        createdAt: clock.now(),
      };
      await db.transaction().execute(async (trx) => {
        const current = await trx.selectFrom('reviews').selectAll().where('answerId', '=', answerId).executeTakeFirst();
        await trx
          .insertInto('reviews')
          .values({ answerId, ...review })
          .onConflict((conflict) => conflict.column('answerId').doUpdateSet(review))
          .execute();
        const [before, after] = [current ? toLine(current) : null, toLine(review)];
        await audit(trx, { tenant, action: 'review.put', subject: answerId, before, after });
      });
    },

    async *trainingExamples(tenant) {
      if (!(await consents(tenant))) throw new AppError('consent_missing', { tenant, what: 'what was corrected' });
      for (let [after, page] = ['', [] as TrainingExample[]]; ; after = page.at(-1)!.answerId) {
        page = await examplesAfter(db, tenant, after);
        yield* page;
        if (page.length === 0) return;
      }
    },
  };
}

/** A review as the audit log has it, from which no text could be taken again: notes and corrections are not in it. */
function toLine({ verdict, labels, schemaVersion, reviewer }: Omit<ReviewRow, 'answerId'>) {
  return { verdict, labels: JSON.parse(labels), labelSchema: schemaVersion, reviewer };
}

/** Whether a user's opinion says so. */
function ofUsers(holds: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql`exists (select 1 from feedback where feedback.answer_id = answers.id and ${holds})`;
}

/** What a canary answered to the same question, seen by nobody. */
const COPY = sql`answers copy join answer_signals theirs on theirs.answer_id = copy.id
  where copy.pair = answers.id and copy.id <> answers.id`;

const REASONS: readonly (readonly [ReviewReason, RawBuilder<boolean>])[] = [
  ['low_groundedness', sql<boolean>`coalesce(groundedness < ${LOW_GROUNDEDNESS}, 0)`],
  ['thumbs_down', ofUsers(sql`rating = 'down'`)],
  ['refused_with_evidence', sql<boolean>`coalesce(refused = 1 and top_score >= ${GOOD_SCORE}, 0)`],
  ['correction', ofUsers(sql`corrected_answer is not null`)],
  [
    'disagreement',
    sql<boolean>`exists (select 1 from ${COPY} and (
      theirs.refused <> answer_signals.refused
      or abs(theirs.groundedness - answer_signals.groundedness) >= ${DISAGREEMENT}
    ))`,
  ],
];

function toCorrection(row: { messages: string | null; correctedAnswer: string | null }): Correction | null {
  if (row.messages === null || row.correctedAnswer === null) return null;
  return { messages: JSON.parse(row.messages), answer: row.correctedAnswer };
}

async function examplesAfter(db: Database, tenant: string, after: string): Promise<TrainingExample[]> {
  const answers = await db
    .selectFrom('answers')
    .leftJoin('reviews', 'reviews.answerId', 'answers.id')
    .select(['answers.id', 'deployment', 'adapter', 'adapterDigest', 'passages'])
    .select(['verdict', 'labels', 'schemaVersion', 'messages', 'correctedAnswer', 'reviewer', 'reviews.createdAt'])
    .where('tenant', '=', tenant)
    .where('answers.id', '>', after)
    .where(sql<boolean>`coalesce(verdict, '') <> 'rejected'`)
    .where(sql<boolean>`(reviews.corrected_answer is not null or ${ofUsers(sql`corrected_answer is not null`)})`)
    .orderBy('answers.id')
    .limit(EXPORT_PAGE)
    .execute();
  const ids = answers.map(({ id }) => id);
  const corrections = await db
    .selectFrom('feedback')
    .selectAll()
    .where('answerId', 'in', ids)
    .where('correctedAnswer', 'is not', null)
    .orderBy('createdAt', 'desc')
    .execute();
  return answers.map((answer) => {
    const ofUser = corrections.find(({ answerId }) => answerId === answer.id);
    const ofReviewer = toCorrection(answer);
    return {
      ...(ofReviewer ?? toCorrection(ofUser!)!),
      answerId: answer.id,
      deployment: answer.deployment,
      adapter: answer.adapter,
      adapterDigest: answer.adapterDigest,
      documents: [...new Set((JSON.parse(answer.passages) as GivenPassage[]).flatMap(({ fileId }) => fileId ?? []))],
      author: ofReviewer === null ? ofUser!.keyId : answer.reviewer!,
      reviewer: answer.reviewer,
      labels: JSON.parse(answer.labels ?? ofUser?.categories ?? '[]'),
      labelSchema: answer.schemaVersion ?? LABEL_SCHEMA,
      createdAt: (ofReviewer === null ? ofUser?.createdAt : answer.createdAt) ?? 0,
    };
  });
}
