import { actingAs } from '../audit/actor.js';
import type { Clock } from '../contracts/clock.js';
import type { Experiment, ExperimentReport } from '../contracts/experiments.js';
import type { Deployment, Registry } from '../contracts/registry.js';
import type { Rollout, Verdict } from '../contracts/rollouts.js';
import { AppError } from '../errors/app-error.js';
import { type Decision, decide } from './decide.js';
import { judgeExperiment } from './experiment.js';
import { judge, policyOf } from './judge.js';

/** What a look at one rollout came to. */
export interface Look {
  readonly deployment: Deployment;
  readonly verdict: Verdict;
  readonly decision: Decision;
}

export interface RolloutControllerOptions {
  readonly registry: Pick<
    Registry,
    | 'listRollouts'
    | 'judgedAnswers'
    | 'changeRollout'
    | 'promote'
    | 'rollback'
    | 'listExperiments'
    | 'experimentAnswers'
    | 'endExperiment'
    | 'takeLease'
  >;
  readonly clock: Clock;
  /** Pause between two looks, in milliseconds. */
  readonly lookEveryMs: number;
  /** Unlike that of any other gateway over the same store. */
  readonly holder: string;
  readonly onLook: (look: Look) => void;
  /** Told of each look at an experiment; the last one ended it. */
  readonly onExperiment: (deployment: Deployment, report: ExperimentReport) => void;
  readonly onError: (error: unknown) => void;
}

export interface RolloutController {
  /** Looks from now on. */
  start(): void;
  /** Judges every rollout and experiment once, and does what follows; nothing where another gateway has the lease. */
  look(): Promise<void>;
  /** Resolves when no look goes on any more. */
  close(): Promise<void>;
}

/** What the controller is called in the events of a deployment and in the audit log. */
const ACTOR = 'controller';
/** A look that the lease has to outlast, and the time until another gateway acts for one that died. */
const LEASE_SLACK_MS = 15_000;

/**
 * Advances rollouts, promotes and rolls back, and ends experiments. It keeps nothing: what it goes by lies in the store, so it goes on after any
 * restart, and a change that somebody else made meanwhile is never overwritten.
 */
export function createRolloutController(options: RolloutControllerOptions): RolloutController {
  const { registry, clock, lookEveryMs, holder, onLook, onExperiment, onError } = options;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let closed = false;

  async function look(): Promise<void> {
    if (!(await registry.takeLease('rollouts', holder, lookEveryMs + LEASE_SLACK_MS))) return;
    for (const deployment of await registry.listRollouts()) await attempt(lookAt(deployment, deployment.rollout!));
    for (const deployment of await registry.listExperiments()) {
      await attempt(lookAtExperiment(deployment, deployment.experiment!));
    }
  }

  async function attempt(looking: Promise<void>): Promise<void> {
    try {
      await looking;
    } catch (error) {
      // Changed while it was judged: the next look sees what it is now.
      if (!(error instanceof AppError && error.code === 'revision_mismatch')) onError(error);
    }
  }

  async function lookAt(deployment: Deployment, rollout: Rollout): Promise<void> {
    const answers = await registry.judgedAnswers(deployment);
    const verdict = judge(answers, policyOf(rollout.metrics));
    const atStep = answers.filter(
      ({ arm, isShadow, endedAt }) => arm === 'canary' && !isShadow && endedAt >= rollout.stepStartedAt,
    );
    const elapsedMs = clock.now() - rollout.stepStartedAt;
    const decision = decide(rollout, verdict, { canaryAnswers: atStep.length, elapsedMs });
    await act(deployment, verdict, decision);
    onLook({ deployment, verdict, decision });
  }

  async function lookAtExperiment(deployment: Deployment, experiment: Experiment): Promise<void> {
    const report = judgeExperiment(await registry.experimentAnswers(deployment), experiment);
    if (report.outcome !== 'running') {
      const { tenant, name, revision } = deployment;
      const by = { actor: ACTOR, ifRevision: revision, reason: report.reason, report };
      await asController(by.reason, () => registry.endExperiment(tenant, name, by));
    }
    onExperiment(deployment, report);
  }

  async function act({ tenant, name, revision }: Deployment, evidence: Verdict, { action, reason }: Decision) {
    if (action === 'hold') return;
    const by = { actor: ACTOR, ifRevision: revision, reason, evidence };
    await asController(reason, () => {
      if (action === 'advance') return registry.changeRollout(tenant, name, 'advance', by);
      return registry[action](tenant, name, by);
    });
  }

  function asController<T>(reason: string, change: () => Promise<T>): Promise<T> {
    return actingAs({ kind: 'system', id: ACTOR, tenant: null, requestId: null, reason }, change);
  }

  function schedule(): void {
    if (closed) return;
    timer = setTimeout(() => {
      looking = look().catch(onError).finally(schedule);
    }, lookEveryMs).unref();
  }

  return {
    start: schedule,
    look,
    async close() {
      closed = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
