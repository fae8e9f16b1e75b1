/** Arms that share a deployment's traffic at fixed weights, and which of them is better. Types only. */
import type { GOALS } from './registry-limits.js';
import type { PolicyRef } from './safety.js';
import type { GenerationDefaults, RetrievalPolicy } from './settings.js';
import type { JudgedAnswer, MetricPolicies, Verdict } from './verdicts.js';

/** Good ratings, answers that reviewers accepted, groundedness: the more the better. Cost in tokens: the less the better. */
export type Goal = (typeof GOALS)[number];

/** The deployment, but for what is said here. */
export interface ExperimentArm {
  /** Unlike `ARMS`. */
  readonly name: string;
  /** Percent of the traffic; those of all arms make 100. */
  readonly weight: number;
  readonly version?: number | undefined;
  readonly instructions?: string | undefined;
  readonly retrieval?: Partial<RetrievalPolicy> | undefined;
  readonly generation?: GenerationDefaults | undefined;
  /** The safety policy of this arm; null: it has none. */
  readonly policy?: PolicyRef | null | undefined;
}

export interface ExperimentPlan {
  readonly goal: Goal;
  /** The others must not be worse than the first one in what is critical. */
  readonly arms: readonly ExperimentArm[];
  /** An arm is the winner once it is proven better than each other one by more than this, in the units of `MetricPolicy`. */
  readonly minimumEffect: number;
  /** There is no difference once no arm can be better than another by this. */
  readonly tolerance: number;
  /** Of each arm, that tell of the goal: with fewer there is neither a winner nor no difference. */
  readonly leastAnswers: number;
  /** Of all arms together: with as many it is over. */
  readonly mostAnswers: number;
  /** What differs from the usual policy for what must not become worse. */
  readonly metrics: MetricPolicies;
}

/** A plan under way. */
export interface Experiment extends ExperimentPlan {
  readonly startedAt: number;
}

/** What an answer tells of the arm that gave it. */
export interface ExperimentAnswer extends Omit<JudgedAnswer, 'arm'> {
  readonly arm: string;
  /** Of prompt and answer, as quotas count them. */
  readonly tokens: number;
  /** null: nobody has looked at it. */
  readonly review: { readonly at: number; readonly isAccepted: boolean } | null;
}

/** How an experiment stands. All but `running` end it; `harmful`: an arm is proven worse than the first in what is critical. */
export type ExperimentOutcome = 'running' | 'winner' | 'no_difference' | 'harmful' | 'undecided';

export interface ArmReport {
  readonly name: string;
  readonly weight: number;
  readonly answers: number;
  /** In percent, of all answers of the experiment; null without any. */
  readonly shareReached: number | null;
  /** Answers that tell of the goal, and their mean (of cost the median); null without any. */
  readonly told: number;
  readonly value: number | null;
  /** Against the first arm; null: it is the first. */
  readonly verdict: Verdict | null;
}

/** How two arms compare. Of each two there are both ways. */
export interface ArmComparison {
  readonly better: string;
  readonly than: string;
  /** Comparisons of answers that came at the same time to the same cluster. */
  readonly blocks: number;
  /** How much better, in the units of `MetricPolicy`; below 0: worse. null without data. */
  readonly effect: number | null;
  /** Against "not better by more than `minimumEffect`": 1 / this bounds the chance of a false alarm at any time. */
  readonly evidenceOfBetter: number;
  /** Against "better by `tolerance` or more". */
  readonly evidenceOfClose: number;
}

/** The judge's opinion of an experiment, with the figures it rests on. */
export interface ExperimentReport {
  readonly goal: Goal;
  readonly outcome: ExperimentOutcome;
  /** One line for people. */
  readonly reason: string;
  readonly winner: string | null;
  readonly arms: readonly ArmReport[];
  readonly comparisons: readonly ArmComparison[];
}
