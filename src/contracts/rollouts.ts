/** How a version is let through step by step. Types only. */
import type { Experiment, ExperimentReport } from './experiments.js';
import type { ROLLOUT_EVENTS } from './registry-limits.js';
import type { MetricPolicies, Verdict } from './verdicts.js';

export type * from './verdicts.js';

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
  readonly metrics: MetricPolicies;
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

/** On which condition something is changed. */
export interface IfRevision {
  /** The change is refused (`revision_mismatch`) where the thing is not at this revision any more; 0: where it exists. */
  readonly ifRevision?: number | undefined;
}

/** Who changes a deployment, and on which condition. */
export interface ChangedBy extends IfRevision {
  readonly actor: string;
  /** A second change with the same key does nothing and gives the deployment as it is. */
  readonly idempotencyKey?: string | undefined;
  readonly reason?: string | undefined;
  readonly evidence?: Verdict | undefined;
  readonly report?: ExperimentReport | undefined;
}
