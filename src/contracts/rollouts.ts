/** How a version is let through step by step, and what it is judged by. Types only. */
import type { Experiment, ExperimentReport } from './experiments.js';
import type { ROLLOUT_EVENTS } from './registry-limits.js';

/** What an answer tells of the version that gave it. Only those that the weight assigned are ever judged, and their copies. */
export interface JudgedAnswer {
  readonly arm: 'stable' | 'canary';
  /** The same for an answer and its copy: they are compared with each other. null: it has none. */
  readonly pair: string | null;
  /** It is the copy, which nobody saw: it came when there was time, so its text tells of the canary, and nothing else. */
  readonly isShadow: boolean;
  /** `completed`, `aborted`, or the code of an error. */
  readonly outcome: string;
  /** Of its question; null: not known. Answers are compared within a cluster. */
  readonly cluster: number | null;
  /** Milliseconds since the epoch, as all times here. */
  readonly endedAt: number;
  readonly firstTokenMs: number | null;
  /** Mean time between two of its tokens; null where it has not two. */
  readonly perTokenMs: number | null;
  /** null until they are computed. */
  readonly signals: {
    readonly at: number;
    /** 0 … 1, as the three below it; null: there was nothing to judge. */
    readonly groundedness: number | null;
    readonly citationValidity: number | null;
    readonly numbersGrounded: number | null;
    readonly refused: boolean;
    readonly words: number;
  } | null;
  /** Whether the deployment's safety policy found something in what it says; null: it has none, or there was no answer. */
  readonly policyHit: boolean | null;
  /** The newest rating. */
  readonly feedback: { readonly at: number; readonly rating: 'up' | 'down' } | null;
}

export type JudgedMetric =
  | 'errors'
  | 'time_to_first_token'
  | 'time_per_output_token'
  | 'groundedness'
  | 'citation_validity'
  | 'refusals'
  | 'numbers_grounded'
  | 'length'
  | 'policy_hits'
  | 'feedback';

/** How much worse is too much. Shares in points (0.05 is five points of 100), ratios in shares (0.2 is 20 % more). */
export interface MetricPolicy {
  /** It fails when it is proven that the canary is worse by more than this. */
  readonly minimumEffect: number;
  /** It passes when it is proven that the canary is worse by less than this. */
  readonly tolerance: number;
  /** Its failure rolls back, and nothing goes on until it passes. Otherwise a failure only holds the rollout. */
  readonly critical: boolean;
  /** Without answers that tell of it, nothing goes on. */
  readonly mustHaveData: boolean;
}

export type JudgePolicy = Readonly<Record<JudgedMetric, MetricPolicy>>;

export type Outcome = 'pass' | 'fail' | 'inconclusive';

export interface MetricVerdict {
  readonly metric: JudgedMetric;
  readonly outcome: Outcome;
  readonly critical: boolean;
  readonly stableAnswers: number;
  readonly canaryAnswers: number;
  /** Comparisons of answers that came at the same time to the same cluster. */
  readonly blocks: number;
  /** Means of shares, medians of times and lengths; null without data. */
  readonly stable: number | null;
  readonly canary: number | null;
  /** How much worse the canary is, in the units of `MetricPolicy`; below 0: better. null without data. */
  readonly effect: number | null;
  /** Against "not worse by more than `minimumEffect`": 1 / this bounds the chance of a false alarm at any time. */
  readonly evidenceOfWorse: number;
  /** Against "worse by `tolerance` or more". */
  readonly evidenceOfGood: number;
}

/** The judge's opinion, with the figures it rests on. */
export interface Verdict {
  readonly outcome: Outcome;
  /** One line for people. */
  readonly reason: string;
  readonly stableAnswers: number;
  readonly canaryAnswers: number;
  /** Of the canary, that nobody saw; not among those before. */
  readonly shadowAnswers: number;
  /** In percent, of all judged answers that were seen; null without any. */
  readonly shareReached: number | null;
  readonly metrics: readonly MetricVerdict[];
}

/** How a version is let through. */
export interface RolloutPlan {
  /** Percent, rising, the last one 100: when it has passed there, the canary becomes stable. */
  readonly steps: readonly number[];
  /** At each step, before the next: answers of the canary, and time. */
  readonly leastAnswers: number;
  readonly leastMs: number;
  /**
   * From this weight on a step is only reached once the canary has passed. Steps below it, where few can be harmed, are
   * reached as soon as their least is seen and nothing fails.
   */
  readonly provenFrom: number;
  /** `compare`: it only begins once the version has been compared with the stable one and passed (decision 0068). Left out: nothing. */
  readonly requires?: 'compare' | undefined;
  /** What differs from the judge's own policy. */
  readonly metrics: { readonly [M in JudgedMetric]?: Partial<MetricPolicy> };
}

/** Who gets a canary beside those that its weight assigns. Left out: as it is where the version stays, else nobody. */
export interface CanaryRules {
  /** Callers in one of these groups get it whatever the weight. */
  readonly groups?: readonly string[] | undefined;
  /** Percentage of the stable version's answers whose questions it answers again, seen by nobody. */
  readonly shadowWeight?: number | undefined;
}

/** A plan under way. */
export interface Rollout extends RolloutPlan {
  /** Index of `steps`. */
  readonly step: number;
  readonly status: 'running' | 'paused';
  readonly startedAt: number;
  readonly stepStartedAt: number;
}

/** `adopted`: the deployment is older than its events. `deployed`: its adapter or its stable version was set. */
export type RolloutEventType = (typeof ROLLOUT_EVENTS)[number];

/** Which versions a deployment serves, and what is to become of them. */
export interface Served {
  readonly adapter: string | null;
  /** null: the bare base model. */
  readonly stableVersion: number | null;
  readonly canaryVersion: number | null;
  /** Share of traffic for the canary, 0 … 100 percent. */
  readonly canaryWeight: number;
  /** As `CanaryRules` has them. */
  readonly canaryGroups: readonly string[];
  readonly shadowWeight: number;
  /** The stable version before this one, for one step back; null where there is none. */
  readonly previous: { readonly version: number | null } | null;
  readonly rollout: Rollout | null;
  /** Never beside a canary. */
  readonly experiment: Experiment | null;
}

/** One change of what a deployment serves. Events are only ever added; what the deployment serves is what the last one says. */
export interface RolloutEvent {
  /** Of the deployment after it. */
  readonly revision: number;
  readonly type: RolloutEventType;
  /** Id of a key, or `controller`. */
  readonly actor: string;
  readonly reason: string | null;
  readonly served: Served;
  /** What the judge saw where it decided. */
  readonly evidence: Verdict | null;
  /** How an experiment stood when it ended; null of all other changes. */
  readonly report: ExperimentReport | null;
  readonly createdAt: number;
}

/** Who changes a deployment, and on which condition. */
export interface ChangedBy {
  readonly actor: string;
  /** The change is refused (`revision_mismatch`) where the deployment is not at this revision any more; 0: where it exists. */
  readonly ifRevision?: number | undefined;
  /** A second change with the same key does nothing and gives the deployment as it is. */
  readonly idempotencyKey?: string | undefined;
  readonly reason?: string | undefined;
  readonly evidence?: Verdict | undefined;
  readonly report?: ExperimentReport | undefined;
}
