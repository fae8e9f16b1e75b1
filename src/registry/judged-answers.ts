import type { Registry } from '../contracts/registry.js';
import type { JudgedAnswer } from '../contracts/rollouts.js';
import type { Database } from './database.js';

/** What tens of thousands of answers could not tell, more of them will not; and the gateway waits while it judges. */
const MAX_JUDGED = 20_000;

export function createJudgedAnswers({ db }: { db: Database }): Pick<Registry, 'judgedAnswers'> {
  return {
    async judgedAnswers({ tenant, name, stableVersion, canaryVersion, rollout }) {
      const rows = await db
        .selectFrom('answers')
        .leftJoin('answerSignals', 'answerSignals.answerId', 'answers.id')
        .select([
          'answers.id',
          'arm',
          'assignedBy',
          'pair',
          'outcome',
          'durationMs',
          'firstTokenMs',
          'completionTokens',
          'createdAt',
          'groundedness',
          'citationValidity',
          'numbersGrounded',
          'refused',
          'words',
          'cluster',
          'computedAt',
        ])
        .where('tenant', '=', tenant)
        .where('deployment', '=', name)
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
        .where('createdAt', '>=', rollout?.startedAt ?? 0)
        .orderBy('createdAt', 'desc')
        .limit(MAX_JUDGED)
        .execute();
      const ratings = await db
        .selectFrom('feedback')
        .innerJoin('answers', 'answers.id', 'feedback.answerId')
        .select(['answerId', 'rating', 'feedback.createdAt'])
        .where('tenant', '=', tenant)
        .where('deployment', '=', name)
        .where('answers.createdAt', '>=', rollout?.startedAt ?? 0)
        .orderBy('feedback.createdAt')
        .execute();
      const rated = new Map(
        ratings.flatMap(({ answerId, rating, createdAt }) =>
          rating === null ? [] : [[answerId, { rating, at: createdAt }]],
        ),
      );
      return rows.map((row): JudgedAnswer => {
        const { firstTokenMs, durationMs, completionTokens } = row;
        return {
          arm: row.arm as JudgedAnswer['arm'],
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
          feedback: rated.get(row.id) ?? null,
        };
      });
    },
  };
}
