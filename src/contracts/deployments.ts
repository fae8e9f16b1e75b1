/** Names that tenants call, and what answers by them. Types only. */
import type { Experiment, ExperimentAnswer, ExperimentPlan } from './experiments.js';
import type { HttpTool } from './http-tools.js';
import type {
  CanaryRules,
  ChangedBy,
  JudgedAnswer,
  Rollout,
  RolloutEvent,
  RolloutEventType,
  RolloutPlan,
} from './rollouts.js';
import type { PolicyRef, SafetyPolicy, SafetyRules } from './safety.js';
import type { GenerationDefaults, RetrievalPolicy } from './settings.js';

/** A name that tenants call; points at versions of one adapter. */
export interface Deployment {
  readonly tenant: string;
  readonly name: string;
  readonly adapter: string | null;
  /** null: the bare base model. */
  readonly stableVersion: number | null;
  readonly canaryVersion: number | null;
  /** Share of traffic for the canary, 0 … 100 percent. */
  readonly canaryWeight: number;
  /** Callers in one of these groups get the canary whatever the weight; none where it is left out. */
  readonly canaryGroups?: readonly string[];
  /** Percentage of the stable version's answers whose questions the canary answers again, seen by nobody; 0 where it is left out. */
  readonly shadowWeight?: number;
  /** null: the weight stays as it was set. */
  readonly rollout: Rollout | null;
  /** That its traffic is shared among; then there is no canary, and nothing else of it changes. None where it is left out. */
  readonly experiment?: Experiment | null;
  readonly instructions: string;
  /** That answers; null, or left out: the gateway's default. */
  readonly engine?: string | null;
  readonly retrieval: RetrievalPolicy;
  /** None where it is left out. */
  readonly generation?: GenerationDefaults;
  /** What it screens questions, passages and answers by; null: nothing. */
  readonly policy: PolicyRef | null;
  /** Functions that the gateway calls, by name; none where it is left out. */
  readonly tools?: readonly string[];
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Grows by one with every change. */
  readonly revision: number;
}

/** Deployments, their rollouts and experiments, and what they answer by: functions and policies. */
export interface Deployments {
  /** Every change of a deployment is one transaction with its event. @throws AppError `revision_mismatch`, `rollout_under_way` */
  putDeployment(
    deployment: {
      tenant: string;
      name: string;
      adapter: string | null;
      stableVersion: number | null;
      instructions: string;
      retrieval: RetrievalPolicy;
      /** null: none. Left out: as it is, so that nobody drops it unawares. */
      policy?: PolicyRef | null;
      /** As `policy`. */
      generation?: GenerationDefaults;
      /** As `policy`. */
      tools?: readonly string[];
      /** null: the gateway's default. Left out: as it is. */
      engine?: string | null;
    },
    by?: ChangedBy,
  ): Promise<Deployment>;
  getDeployment(tenant: string, name: string): Promise<Deployment>;
  listDeployments(tenant: string): Promise<readonly Deployment[]>;
  /** @throws AppError `rollout_under_way` */
  setCanary(
    tenant: string,
    name: string,
    canary: { version: number; weight: number } & CanaryRules,
    by?: ChangedBy,
  ): Promise<Deployment>;
  /** Lets a version through by a plan, from its first step on. @throws AppError `rollout_under_way` */
  startRollout(
    tenant: string,
    name: string,
    rollout: { version: number; plan: RolloutPlan } & CanaryRules,
    by?: ChangedBy,
  ): Promise<Deployment>;
  /** What is so already stays as it is. @throws AppError `no_rollout` */
  changeRollout(
    tenant: string,
    name: string,
    change: 'advance' | 'pause' | 'resume',
    by?: ChangedBy,
  ): Promise<Deployment>;
  /** The canary becomes stable, and approved; said again, it does nothing more. @throws AppError `no_canary` */
  promote(tenant: string, name: string, by?: ChangedBy): Promise<Deployment>;
  /**
   * Drops the canary; without one, goes back to the previous stable version. What was dropped is quarantined where nothing
   * else serves it. Said again, it does nothing more.
   * @throws AppError `nothing_to_roll_back`
   */
  rollback(tenant: string, name: string, by?: ChangedBy): Promise<Deployment>;
  /** Shares the traffic among arms. @throws AppError `experiment_under_way`, `rollout_under_way` where there is a canary */
  startExperiment(tenant: string, name: string, plan: ExperimentPlan, by?: ChangedBy): Promise<Deployment>;
  /** All traffic is the deployment's again; said again, it does nothing more. @throws AppError `no_experiment` */
  endExperiment(tenant: string, name: string, by?: ChangedBy): Promise<Deployment>;
  /** Deployments of all tenants with an experiment under way. */
  listExperiments(): Promise<readonly Deployment[]>;
  /** Of the experiment under way: the first ones, as many as an experiment may have. */
  experimentAnswers(deployment: Deployment): Promise<readonly ExperimentAnswer[]>;
  /** Newest first. @param older `type` left out: of all types; `before` left out: from the newest on, else older than this revision */
  listRolloutEvents(
    tenant: string,
    name: string,
    limit: number,
    older?: { readonly type?: RolloutEventType; readonly before?: number | undefined },
  ): Promise<readonly RolloutEvent[]>;
  /** Deployments of all tenants with a rollout under way. */
  listRollouts(): Promise<readonly Deployment[]>;
  /** Answers of the two versions of a rollout that the weight assigned since it began, and their copies: the newest, up to a limit. */
  judgedAnswers(deployment: Deployment): Promise<readonly JudgedAnswer[]>;
  /** Whether `holder` has the lease now, taken or renewed for `ttlMs`: nobody else has it before it ends. */
  takeLease(name: string, holder: string, ttlMs: number): Promise<boolean>;

  /**
   * A function that the gateway calls. The secret of one that is there stays where none is given, unless its host changes.
   * @throws AppError `invalid_value`
   */
  putTool(
    tool: Omit<HttpTool, 'strict' | 'hasSecret' | 'createdAt' | 'updatedAt' | 'mcpTool'> & {
      readonly mcpTool?: string | null;
      readonly secret?: string | null;
    },
  ): Promise<HttpTool>;
  listTools(tenant: string): Promise<readonly HttpTool[]>;
  /** @throws AppError `invalid_value` where a deployment uses it */
  removeTool(tenant: string, name: string): Promise<HttpTool>;
  /** Those of the names, in their order. @throws AppError `not_found` */
  toolsOf(tenant: string, names: readonly string[]): Promise<readonly HttpTool[]>;
  /** For a call; shown to nobody. */
  toolSecret(tenant: string, name: string): Promise<string | null>;

  /** The next revision; the same rules as in the newest one are that one. @throws AppError `invalid_value` that names the rule */
  putPolicy(policy: { tenant: string; name: string; rules: SafetyRules }): Promise<SafetyPolicy>;
  /** The newest revision of each. */
  listPolicies(tenant: string): Promise<readonly SafetyPolicy[]>;
  /** @param revision null: the newest */
  getPolicy(tenant: string, name: string, revision: number | null): Promise<SafetyPolicy>;
}
