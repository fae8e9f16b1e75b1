/** What a version, or an arm of an experiment, is judged by. Types only. */

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

/** What differs from a policy. */
export type MetricPolicies = { readonly [M in JudgedMetric]?: Partial<MetricPolicy> };

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
