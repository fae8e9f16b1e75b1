import type { ExperimentAnswer } from '../contracts/experiments.js';
import type { Deployment, Registry } from '../contracts/registry.js';
import { MAX_JUDGED_ANSWERS } from '../contracts/registry-limits.js';
import type { JudgedAnswer } from '../contracts/rollouts.js';
import type { SafetyRecord } from '../contracts/safety.js';
import type { Database } from './tables/tables.js';

export function createJudgedAnswers({ db }: { db: Database }): Pick<Registry, 'judgedAnswers' | 'experimentAnswers'> {
  return {
    async judgedAnswers(deployment) {
      const { stableVersion, canaryVersion, rollout } = deployment;
      const sinceMs = rollout?.startedAt ?? 0;
      const rows = await answersOf(db, deployment, sinceMs, 'desc')
        .where('assignedBy', 'in', ['weight', 'shadow'])
        .where((eb) =>
          eb.or([
            eb.and([eb('arm', '=', 'canary'), eb('version', '=', canaryVersion)]),
            eb.and([
              eb('arm', '=', 'stable'),
              stableVersion === null ? eb('version', 'is', null) : eb('version', '=', stableVersion),
            ]),
          ]),
        )
        .execute();
      const answers = withRatings(rows, await ratingsOf(db, deployment, sinceMs));
      return answers.map((answer) => ({ ...answer, arm: answer.arm as JudgedAnswer['arm'] }));
    },

    async experimentAnswers(deployment) {
      const sinceMs = deployment.experiment?.startedAt ?? 0;
      const rows = await answersOf(db, deployment, sinceMs, 'asc')
        .where('assignedBy', '=', 'experiment')
        // Nothing else of the deployment changes meanwhile: its revision is that of the start.
        .where('deploymentRevision', '=', deployment.revision)
        .execute();
      return withRatings(rows, await ratingsOf(db, deployment, sinceMs));
    },
  };
}

type Of = Pick<Deployment, 'tenant' | 'name'>;
type Row = Awaited<ReturnType<ReturnType<typeof answersOf>['execute']>>[number];
type Ratings = ReadonlyMap<string, NonNullable<ExperimentAnswer['feedback']>>;

/** What tens of thousands of answers could not tell, more of them will not; and the gateway waits while it judges. */
function answersOf(db: Database, { tenant, name }: Of, sinceMs: number, order: 'asc' | 'desc') {
  return db
    .selectFrom('answers')
    .leftJoin('answerSignals', 'answerSignals.answerId', 'answers.id')
    .leftJoin('reviews', 'reviews.answerId', 'answers.id')
    .select([
      'answers.id',
      'arm',
      'assignedBy',
      'pair',
      'outcome',
      'durationMs',
      'firstTokenMs',
      'promptTokens',
      'completionTokens',
      'answers.createdAt',
      'groundedness',
      'citationValidity',
      'numbersGrounded',
      'refused',
      'words',
      'cluster',
      'computedAt',
      'verdict',
      'reviews.createdAt as reviewedAt',
      'safety',
    ])
    .where('tenant', '=', tenant)
    .where('deployment', '=', name)
    .where('answers.createdAt', '>=', sinceMs)
    .orderBy('answers.createdAt', order)
    .limit(MAX_JUDGED_ANSWERS);
}

/** The newest of each answer. */
async function ratingsOf(db: Database, { tenant, name }: Of, sinceMs: number): Promise<Ratings> {
  const rows = await db
    .selectFrom('feedback')
    .innerJoin('answers', 'answers.id', 'feedback.answerId')
    .select(['answerId', 'rating', 'feedback.createdAt'])
    .where('tenant', '=', tenant)
    .where('deployment', '=', name)
    .where('answers.createdAt', '>=', sinceMs)
    .orderBy('feedback.createdAt')
    .execute();
  return new Map(
    rows.flatMap(({ answerId, rating, createdAt }) => (rating === null ? [] : [[answerId, { rating, at: createdAt }]])),
  );
}

function withRatings(rows: readonly Row[], ratings: Ratings): ExperimentAnswer[] {
  return rows.map((row) => {
    const { firstTokenMs, durationMs, completionTokens } = row;
    return {
      arm: row.arm,
      pair: row.pair,
      isShadow: row.assignedBy === 'shadow',
      outcome: row.outcome,
      cluster: row.cluster,
      endedAt: row.createdAt + durationMs,
      firstTokenMs,
      perTokenMs:
        firstTokenMs === null || completionTokens < 2 ? null : (durationMs - firstTokenMs) / (completionTokens - 1),
      signals:
        row.computedAt === null
          ? null
          : {
              at: row.computedAt,
              groundedness: row.groundedness,
              citationValidity: row.citationValidity,
              numbersGrounded: row.numbersGrounded,
              refused: row.refused === 1,
              words: row.words!,
            },
      policyHit: policyHit(row),
      feedback: ratings.get(row.id) ?? null,
      tokens: row.promptTokens + completionTokens,
      review: row.verdict === null ? null : { at: row.reviewedAt!, isAccepted: row.verdict === 'accepted' },
    };
  });
}

/** What it found in the question is no version's work. */
function policyHit({ safety, outcome }: Pick<Row, 'safety' | 'outcome'>): boolean | null {
  if (safety === null) return null;
  const { decisions } = JSON.parse(safety) as SafetyRecord;
  if (decisions.some(({ stage }) => stage === 'output')) return true;
  return outcome === 'completed' ? false : null;
}
