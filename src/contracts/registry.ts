/** Tenants, keys, adapters, deployments and answers. Types only. */

import type { JobFailure, JobStore, Lease } from '../jobs/jobs.js';
import type { AdapterRef } from './adapter.js';
import type { AuditChange, AuditPage } from './audit.js';
import type { Batch, BatchChange, BatchResult, NewBatch } from './batches.js';
import type { Conversations } from './conversations.js';
import type { Experiment, ExperimentAnswer, ExperimentPlan } from './experiments.js';
import type { HttpTool, ToolRun } from './http-tools.js';
import type { AnswerMoment, Page, PageRequest } from './paging.js';
import type { ChatMessage } from './prompt.js';
import type { AnswerSignals } from './quality.js';
import type { Caller, Limits, PastUse, SetLimits, Shares, TenantLimits, UsageQuery, UsageReport } from './quota.js';
import type { ARMS, FEEDBACK_CATEGORIES, REVIEW_REASONS, SCOPES, SIGNER_PURPOSES } from './registry-limits.js';
import type {
  CanaryRules,
  ChangedBy,
  IfRevision,
  JudgedAnswer,
  Rollout,
  RolloutEvent,
  RolloutEventType,
  RolloutPlan,
} from './rollouts.js';
import type { PolicyRef, SafetyPolicy, SafetyRecord, SafetyRules } from './safety.js';
import type { GenerationDefaults, RetrievalPolicy } from './settings.js';
import type { Owner, StoredResponse, StoredTurn } from './stored-responses.js';
import type {
  AdapterPolicy,
  AdapterSignature,
  Alias,
  EvaluationReport,
  Lineage,
  VersionEvent,
  VersionSources,
  VersionStatus,
} from './versions.js';
import type { Webhooks } from './webhooks.js';

export type { GenerationDefaults, RetrievalPolicy } from './settings.js';

/**
 * `route`: may pin a version or force an arm by header. `groups`: may say by header which groups the caller is in. `release`: the
 * versions and deployments of its own tenant. `tenant-admin`: all of the admin API that is about its own tenant. `admin`: the
 * admin API, for every tenant.
 */
export type Scope = (typeof SCOPES)[number];

/** Who a key speaks for. The tenant comes from here and from nothing else. */
export interface Principal {
  readonly keyId: string;
  readonly tenant: string;
  /** With what they imply: `admin` all of `tenant-admin`, and that all of `release`. */
  readonly scopes: readonly Scope[];
  /** What is found is limited to what these groups may see; null: to what everybody may, and nothing says who asks. */
  readonly groups: readonly string[] | null;
}

/** Whose signature is believed: of tokens that tell which groups a caller is in, or of adapters. */
export interface Signer {
  readonly tenant: string;
  /** Of tokens, their `kid`. */
  readonly name: string;
  readonly purpose: (typeof SIGNER_PURPOSES)[number];
  readonly algorithm: 'EdDSA' | 'ES256' | 'RS256';
  readonly createdAt: number;
}

export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  /** Grows by one with every change, here and below. */
  readonly revision: number;
}

export interface ApiKeyInfo {
  readonly id: string;
  readonly tenant: string;
  readonly label: string;
  readonly scopes: readonly Scope[];
  /** Of whoever uses it; none: not known. */
  readonly groups: readonly string[];
  readonly createdAt: number;
  readonly revokedAt: number | null;
  /** null: never. */
  readonly expiresAt: number | null;
  /** To a minute; null: never. */
  readonly lastUsedAt: number | null;
  readonly rotatedAt: number | null;
  /** Until when the secret before the last rotation opens; null: there is none. */
  readonly previousUntil: number | null;
  /** That it is used is no change. */
  readonly revision: number;
}

/** A key with what opens it, which is told once. */
export type NewKey = ApiKeyInfo & { readonly secret: string };

export interface AdapterVersion extends AdapterRef {
  readonly tenant: string;
  readonly rank: number;
  readonly targets: readonly string[];
  readonly bytes: number;
  readonly baseDigest: string;
  /** Id of the base model; null, as with the next two, for versions of before. */
  readonly baseModel: string | null;
  /** Id of a key, or `operator`. */
  readonly addedBy: string | null;
  /** The files that it came in. */
  readonly sources: VersionSources | null;
  readonly lineage: Lineage;
  /** Name of the signer; null: nobody signed it. */
  readonly signedBy: string | null;
  readonly status: VersionStatus;
  readonly createdAt: number;
}

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

/** Of an experiment, its own name. */
export type Arm = (typeof ARMS)[number] | (string & Record<never, never>);

/**
 * Why an answer came from its version: the weight of the rollout, `x-canary`, a group that its caller is in, a version that was asked
 * for, a copy of the traffic that nobody saw, or the weights of an experiment. Only those by weight, and their copies, may be compared
 * with each other, and those of one experiment: who asks for a version is no sample, nor is who was chosen.
 */
export type AssignedBy = 'weight' | 'header' | 'group' | 'pin' | 'shadow' | 'experiment';

/** A passage that the model was given. */
export interface GivenPassage {
  readonly id: string;
  readonly score: number;
  /** Left out in records of before: the file, and the range of its bytes that the passage is. */
  readonly fileId?: string;
  readonly byteStart?: number;
  readonly byteEnd?: number;
}

/** One answer's record: written for every request, aborted ones too. Holds no prompt and no passage text. */
export interface AnswerRecord {
  readonly id: string;
  readonly requestId: string;
  readonly tenant: string;
  readonly keyId: string;
  readonly deployment: string;
  readonly adapter: string | null;
  readonly adapterDigest: string | null;
  /** null, here and below, in records of before. */
  readonly baseDigest: string | null;
  /** Of what the gateway itself says in a prompt: its rules, and the instructions of the deployment. */
  readonly promptDigest: string | null;
  /** Of the adapter; null: the bare base model. */
  readonly version: number | null;
  readonly arm: Arm;
  readonly assignedBy: AssignedBy;
  /** Of an answer whose question the canary answers again, and of that copy: the id of the one that was seen. Of others null, or left out. */
  readonly pair?: string | null;
  /** null: the base model itself was asked for. */
  readonly deploymentRevision: number | null;
  readonly outcome: string;
  /** `content_filter`: its policy refused it, or ended it; null: it did not come to its end. */
  readonly finishReason: 'stop' | 'length' | 'tool_calls' | 'content_filter' | null;
  readonly passages: readonly GivenPassage[];
  readonly storeSnapshot: string | null;
  /** What the deployment's policy decided; null: it has none. */
  readonly safety: SafetyRecord | null;
  /** Calls that the gateway made for it, in the order in which they ended; none where it is left out. */
  readonly tools?: readonly ToolRun[];
  readonly promptTokens: number;
  /** Of the prompt, found in the prefix cache; null, here and below: it did not come so far. */
  readonly cachedTokens: number | null;
  readonly completionTokens: number;
  readonly durationMs: number;
  readonly firstTokenMs: number | null;
  readonly queueMs: number | null;
  /** Search for its passages; null also where there was none. */
  readonly retrievalMs: number | null;
  readonly prefillMs: number | null;
  readonly decodeMs: number | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** What a better answer would have been. Kept only where the tenant consents to training. */
export interface Correction {
  /** The conversation up to the answer, the user's turn last: prompts are not kept here. */
  readonly messages: readonly ChatMessage[];
  readonly answer: string;
}

type FeedbackCategory = (typeof FEEDBACK_CATEGORIES)[number];

/** One caller's opinion of one answer; at least one of its members says something. */
export interface Feedback {
  readonly answerId: string;
  readonly rating: 'up' | 'down' | null;
  /** 0 … 1. */
  readonly score: number | null;
  readonly categories: readonly FeedbackCategory[];
  readonly comment: string | null;
  readonly correction: Correction | null;
}

/**
 * Why a person should look at an answer: it is hardly supported by its passages, a user did not like it, it refuses although
 * a passage was found that fits well, a user wrote a better one, or a canary that answered unseen came to something else.
 */
export type ReviewReason = (typeof REVIEW_REASONS)[number];

/** An answer that waits for a reviewer. */
export interface ReviewItem {
  readonly answerId: string;
  readonly createdAt: number;
  readonly deployment: string;
  readonly adapter: string | null;
  readonly reasons: readonly ReviewReason[];
  /** What the canary answered to the same question, seen by nobody; null: it was not asked. */
  readonly shadowId: string | null;
  readonly groundedness: number | null;
  readonly refused: boolean | null;
  readonly topScore: number | null;
  readonly comments: readonly string[];
  /** What users would have wanted, newest first. */
  readonly corrections: readonly Correction[];
}

/** What a reviewer found. */
export interface Review {
  /** Of the answer, or of the user's correction; `corrected`: the reviewer's own goes before it. */
  readonly verdict: 'accepted' | 'corrected' | 'rejected';
  readonly labels: readonly FeedbackCategory[];
  readonly note: string | null;
  readonly correction: Correction | null;
}

/** A correction with where it comes from. */
export interface TrainingExample extends Correction {
  readonly answerId: string;
  readonly deployment: string;
  readonly adapter: string | null;
  readonly adapterDigest: string | null;
  readonly documents: readonly string[];
  /** Ids of keys; null: nobody has looked at it yet. */
  readonly author: string;
  readonly reviewer: string | null;
  readonly labels: readonly FeedbackCategory[];
  readonly labelSchema: number;
  readonly createdAt: number;
}

/** Answers that have something in common; means and shares, null where nothing is known. */
export interface QualityGroup {
  /** A version, a day, a topic's number, a document's id. */
  readonly name: string;
  readonly answers: number;
  readonly groundedness: number | null;
  readonly citationValidity: number | null;
  readonly refusals: number | null;
  readonly truncations: number | null;
  readonly words: number | null;
  readonly firstTokenMs: number | null;
  readonly thumbsDown: number;
}

export interface QualityReport {
  readonly versions: readonly QualityGroup[];
  readonly days: readonly QualityGroup[];
  /** Each version's days: `name` is the day. */
  readonly trends: readonly (QualityGroup & { readonly version: string })[];
  /** The least grounded first. */
  readonly worstTopics: readonly QualityGroup[];
  /** Answers that were given a passage of the document, the least grounded first, ten at most; `name` is the file's id. */
  readonly worstDocuments: readonly QualityGroup[];
}

/** What a deployment's answers are compared with. */
export interface KeptBaseline {
  readonly text: string;
  /** Tells it from the one before a reset. */
  readonly createdAt: number;
}

/** What may be done with a tenant's answers. */
export interface DataPolicy {
  /** null, here and below: as the gateway is configured. */
  readonly retentionDays: number | null;
  readonly maxAnswers: number | null;
  /** Corrected answers, and the questions they answer, may be kept and exported for training. */
  readonly trainingConsent: boolean;
  /** Texts of `/v1/responses` may be kept, so that later ones can go on from them. */
  readonly storeResponses: boolean;
  /** Share of the answers whose texts are kept, without personal data; 0: none. */
  readonly captureRate: number;
  /** Days for which they are kept; never longer than the record of the answer. */
  readonly captureDays: number | null;
}

/** As it was set; at revision 0 nobody has set one. */
export type SetDataPolicy = DataPolicy & { readonly revision: number };

export interface SharingStatus {
  /** Why nothing can be changed; null where it can. */
  readonly trouble: string | null;
  /** Since it was known last that nothing is missing here of what the other gateways did, in milliseconds. */
  readonly behindMs: number;
}

export interface Registry extends Conversations, Webhooks {
  /** Constant-time over the hash; null for unknown and revoked keys. @throws AppError `api_key_expired` */
  authenticate(key: string): Promise<Principal | null>;

  createTenant(tenant: { id: string; name: string }): Promise<Tenant>;
  listTenants(): Promise<readonly Tenant[]>;
  /** @throws AppError `not_found` */
  getTenant(id: string): Promise<Tenant>;
  /** Another name for people; its id stays. @throws AppError `revision_mismatch`, here and below */
  renameTenant(id: string, name: string, by?: IfRevision): Promise<Tenant>;
  getDataPolicy(tenant: string): Promise<SetDataPolicy>;
  putDataPolicy(tenant: string, policy: DataPolicy, by?: IfRevision): Promise<SetDataPolicy>;

  /**
   * The secret is shown once and stored only as a hash; `secret` fixes it (demo keys). Asked for again with its idempotency key, the key is the
   * same, and opened by this secret in place of the first one, which was lost then.
   * @throws AppError `idempotency_key_reused` where that made another key, or one that was rotated since
   */
  createKey(
    key: {
      tenant: string;
      label: string;
      scopes: readonly Scope[];
      groups?: readonly string[];
      /** null, or left out: never. */
      expiresAt?: number | null;
      secret?: string;
    },
    by?: Pick<ChangedBy, 'idempotencyKey'>,
  ): Promise<NewKey>;
  listKeys(tenant: string): Promise<readonly ApiKeyInfo[]>;
  /** @throws AppError `not_found` */
  getKey(tenant: string, keyId: string): Promise<ApiKeyInfo>;
  revokeKey(tenant: string, keyId: string, by?: IfRevision): Promise<ApiKeyInfo>;
  /**
   * A new secret for the same key; the one before opens for `graceMs` longer. Asked for again with the idempotency key of the last rotation, it
   * takes the place of that one's secret alone.
   */
  rotateKey(
    tenant: string,
    keyId: string,
    graceMs: number,
    by?: IfRevision & Pick<ChangedBy, 'idempotencyKey'>,
  ): Promise<NewKey>;
  /** What a key may do from now on. */
  setKeyScopes(tenant: string, keyId: string, scopes: readonly Scope[], by?: IfRevision): Promise<ApiKeyInfo>;

  /** @param keyId null: of the tenant as a whole. @throws AppError `not_found` */
  getLimits(tenant: string, keyId: string | null): Promise<SetLimits>;
  /**
   * What is left out is not limited; from the next request on.
   * @throws AppError `invalid_value` that names the limit, `revision_mismatch`
   */
  putLimits(
    limits: { tenant: string; keyId: string | null; limits: Partial<TenantLimits> },
    by?: IfRevision,
  ): Promise<SetLimits>;
  /** Of whoever has a key: asked at every request. */
  limitsOf(caller: Caller): Promise<{ readonly tenant: TenantLimits; readonly key: Limits }>;
  /** Answers that were recorded since a moment, and tokens of a month (2026-11). @param subject `keyId` null: all keys of the tenant */
  pastUse(subject: { tenant: string; keyId: string | null }, of: { sinceMs: number; month: string }): Promise<PastUse>;
  /** What all answers used that were recorded until now: with each record, its tokens are counted here, in one transaction. */
  usage(query: UsageQuery): Promise<UsageReport>;

  /** @param publicKey PEM. @throws AppError `invalid_value` where it is none of an algorithm that is known here */
  addSigner(signer: { tenant: string; name: string; publicKey: string; purpose?: Signer['purpose'] }): Promise<Signer>;
  listSigners(tenant: string): Promise<readonly Signer[]>;
  /** The next token of it is refused. */
  removeSigner(tenant: string, name: string): Promise<Signer>;
  /** The groups in a token that one of the tenant's signers made. @throws AppError `invalid_groups_token` */
  readGroupsToken(tenant: string, token: string): Promise<readonly string[]>;

  /** Compiles and registers the next version (or exactly `version`); the same content under the same name is idempotent. */
  addAdapter(
    adapter: {
      tenant: string;
      name: string;
      folder: string;
      version?: number;
      lineage?: Partial<Lineage>;
      signature?: AdapterSignature | null;
      /** Whether its configuration may name another base model than the one that runs. */
      anyBase?: boolean;
    },
    by?: ChangedBy,
  ): Promise<AdapterVersion>;
  /**
   * Deletes a version that nothing serves or names, with its files where they are nobody else's; its number is not given again.
   * @throws AppError `version_in_use`
   */
  deleteVersion(tenant: string, name: string, version: number, by?: ChangedBy): Promise<AdapterVersion>;
  /** Removes files of adapters that no version names: what a crash left. @returns how many adapters they were of */
  collectAdapterFiles(): Promise<number>;
  getAdapterPolicy(tenant: string): Promise<AdapterPolicy>;
  putAdapterPolicy(tenant: string, policy: AdapterPolicy): Promise<AdapterPolicy>;
  listAdapters(tenant: string): Promise<readonly AdapterVersion[]>;
  getAdapterVersion(tenant: string, name: string, version: number): Promise<AdapterVersion>;
  /**
   * Moves a version to another status; what has it already stays as it is. Revoking is at once: the version leaves every canary in the
   * same transaction, and where it is stable, requests are refused until another one is.
   * @throws AppError `invalid_transition`; `version_in_use` for one that is served and is not to be revoked
   */
  setVersionStatus(
    tenant: string,
    name: string,
    version: number,
    status: VersionStatus,
    by?: ChangedBy,
  ): Promise<AdapterVersion>;
  /** @throws AppError `invalid_value`, also where there are too many */
  addEvaluation(
    tenant: string,
    name: string,
    version: number,
    report: Pick<EvaluationReport, 'name' | 'figures' | 'dataDigest'>,
    by?: ChangedBy,
  ): Promise<EvaluationReport>;
  /** In their order. */
  listEvaluations(tenant: string, name: string, version: number): Promise<readonly EvaluationReport[]>;
  /** Newest first. */
  listVersionEvents(tenant: string, name: string, version: number): Promise<readonly VersionEvent[]>;

  /** Points an alias at a version; where it points already, nothing changes. @throws AppError `revision_mismatch` */
  putAlias(alias: Pick<Alias, 'tenant' | 'adapter' | 'alias' | 'version'>, by?: ChangedBy): Promise<Alias>;
  /** @throws AppError `revision_mismatch` */
  removeAlias(alias: Pick<Alias, 'tenant' | 'adapter' | 'alias'>, by?: ChangedBy): Promise<Alias>;
  getAlias(tenant: string, adapter: string, alias: string): Promise<Alias>;
  listAliases(tenant: string): Promise<readonly Alias[]>;

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

  /**
   * Found by `getAnswer` at once; on the disk when it resolves, a group of records at a time. `close` waits for all; what
   * ends the process at once (`kill -9`) takes the last group with it.
   * @param user who asked, as the client names its users: only a keyed hash of it is kept, for `forgetUser`
   */
  recordAnswer(record: AnswerRecord, user?: string | null): Promise<void>;
  /** @throws AppError `not_found` where the answer is not this tenant's */
  getAnswer(tenant: string, id: string): Promise<AnswerRecord>;
  /** Of the answers that came to their end since then. */
  qualityReport(tenant: string, deployment: string, sinceMs: number): Promise<QualityReport>;
  /** When the baseline was kept that `getBaseline` gives: asked with every answer that is judged. null: there is none. */
  baselineTime(tenant: string, deployment: string): Promise<number | null>;
  /** What a deployment's answers are compared with, as quality wrote it; null: there is none yet. */
  getBaseline(tenant: string, deployment: string): Promise<KeptBaseline | null>;
  /** @returns when it was kept */
  putBaseline(tenant: string, deployment: string, text: string): Promise<number>;
  /** The next answers make a new one. @throws AppError `not_found` where there is none */
  resetBaseline(tenant: string, deployment: string): Promise<void>;
  /** Deletes the records of one user's answers, with signals, feedback and reviews. @returns how many there were */
  forgetUser(tenant: string, user: string): Promise<number>;
  /** Deletes records that are too old or too many, by each tenant's policy. @returns how many there were */
  expireAnswers(defaults: { readonly retentionDays: number; readonly maxAnswers: number }): Promise<number>;
  /** With the next group of records; nothing where the record itself was not kept. */
  recordSignals(signals: AnswerSignals): Promise<void>;
  /** null: not judged, or not yet. @throws AppError `not_found` as `getAnswer` */
  getSignals(tenant: string, answerId: string): Promise<AnswerSignals | null>;
  /**
   * Keeps the last opinion of each caller on each answer; durable when it resolves.
   * @returns the answer, and whether this caller rated it for the first time
   * @throws AppError `not_found` where the answer is not this tenant's, `consent_missing` for a correction that may not be kept
   */
  addFeedback(
    caller: Pick<Principal, 'tenant' | 'keyId'>,
    feedback: Feedback,
  ): Promise<{ readonly answer: AnswerRecord; readonly isFirst: boolean }>;
  /**
   * Answers that a person should look at and nobody has, the newest first.
   * @param filter reason null: for any reason; before: older than this one, which may have been looked at meanwhile
   */
  listReviews(
    tenant: string,
    filter: { readonly reason: ReviewReason | null; readonly limit: number; readonly before?: AnswerMoment | null },
  ): Promise<readonly ReviewItem[]>;
  /** Keeps the last review of an answer. @throws AppError as `addFeedback` */
  putReview(caller: Pick<Principal, 'tenant' | 'keyId'>, answerId: string, review: Review): Promise<void>;
  /**
   * Corrections that no reviewer rejected, the oldest first, read a page at a time.
   * @throws AppError `consent_missing` where the tenant does not consent to training
   */
  trainingExamples(tenant: string): AsyncIterable<TrainingExample>;

  /**
   * The tenant's changes, or with `*` those of the gateway as a whole, the newest first.
   * @param page lines older than `before`; null: the newest
   */
  listAudit(tenant: string, page: { readonly limit: number; readonly before: number | null }): Promise<AuditPage>;
  /** The user as records name them: a keyed hash, from which nobody learns who it is. */
  hashUser(tenant: string, user: string): Uint8Array;
  /** A line of the audit log about what lies elsewhere than in the registry. */
  noteChange(change: AuditChange): Promise<void>;
  /** Notes in the gateway's log which settings it runs with, where they are others than before. */
  noteSettings(settings: Readonly<Record<string, unknown>>): Promise<void>;
  /** Durable when it resolves. One that is `queued` is answered behind its request: a job of the kind `response` is about it. */
  saveResponse(response: StoredResponse): Promise<void>;
  /** @throws AppError `not_found` where it is not this owner's, here and below */
  getResponse(owner: Owner, id: string): Promise<StoredTurn>;
  /**
   * The response with all that it goes on from, the oldest first.
   * @throws AppError `invalid_value` where they are too many
   */
  listTurns(owner: Owner, id: string): Promise<readonly StoredTurn[]>;
  deleteResponse(owner: Owner, id: string): Promise<void>;
  /** Calls off one that is not over; whoever works on it finds out. */
  cancelResponse(owner: Owner, id: string): Promise<StoredTurn>;
  /** For who holds the job about it. */
  startResponse(lease: Lease): Promise<StoredTurn>;
  /** Ends the job too; nothing is kept where it is no longer held. */
  finishResponse(lease: Lease, end: Pick<StoredResponse, 'status' | 'body' | 'added'>): Promise<void>;
  failResponse(tenant: string, id: string, error: JobFailure): Promise<void>;
  /** Makes a text unreadable but for this owner, so that a client can keep it. */
  sealText(owner: Owner, text: string): string;
  /** null where it was not sealed here, or for others. */
  openText(owner: Owner, sealed: string): string | null;
  /** Deletes responses that are older, of every tenant. Returns how many. */
  expireResponses(retentionDays: number): Promise<number>;
  /** Durable when it resolves: a job of the kind `batch` is about it. */
  createBatch(batch: NewBatch): Promise<Batch>;
  /** @throws AppError `not_found` where it is not this tenant's, as below */
  getBatch(tenant: string, id: string): Promise<Batch>;
  listBatches(tenant: string, page: PageRequest): Promise<Page<Batch>>;
  /** What is not begun of it is not begun any more; one that is over stays as it is. */
  cancelBatch(tenant: string, id: string): Promise<Batch>;
  /** One that is called off is not in progress again. */
  changeBatch(tenant: string, id: string, change: BatchChange): Promise<Batch>;
  /** A line's first result counts. */
  addBatchResult(id: string, result: BatchResult): Promise<void>;
  /** In the order of the file, behind a line. */
  listBatchResults(id: string, after: number, limit: number): Promise<readonly BatchResult[]>;
  /** Ends the job too, and forgets the results, which are in files; nothing changes where it is no longer held. */
  finishBatch(lease: Lease, change: BatchChange): Promise<void>;
  /** For who works on responses, batches and webhooks. */
  readonly jobs: JobStore;
  /** No other gateway works with the same registry: whoever held a job before is dead. */
  readonly isAlone: boolean;
  /** How this gateway's copy of a registry stands that several have; null: it is alone. */
  sharing(): SharingStatus | null;
  /** This gateway's shares of limits; null: it is alone. */
  readonly shares: Shares | null;

  close(): Promise<void>;
}
