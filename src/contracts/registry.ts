/** Tenants, keys, adapters, deployments and answers. Types only. */
import type { AdapterRef } from './adapter.js';
import type { AuditPage } from './audit.js';
import type { SCOPES } from './registry-limits.js';
import type { SearchMode } from './retrieval.js';
import type { PolicyRef, SafetyPolicy, SafetyRecord, SafetyRules } from './safety.js';

/**
 * `route`: may pin a version or force an arm by header. `groups`: may say by header which groups the caller is in. `admin`: the
 * admin API, for every tenant.
 */
export type Scope = (typeof SCOPES)[number];

/** Who a key speaks for. The tenant comes from here and from nothing else. */
export interface Principal {
  readonly keyId: string;
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  /** What is found is limited to what these groups may see; null: to what everybody may, and nothing says who asks. */
  readonly groups: readonly string[] | null;
}

/** Whose signature tells which groups a caller is in. */
export interface Signer {
  readonly tenant: string;
  /** The `kid` of its tokens. */
  readonly name: string;
  readonly algorithm: 'EdDSA' | 'ES256' | 'RS256';
  readonly createdAt: number;
}

export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
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
}

export interface AdapterVersion extends AdapterRef {
  readonly tenant: string;
  readonly rank: number;
  readonly targets: readonly string[];
  readonly bytes: number;
  readonly baseDigest: string;
  readonly createdAt: number;
}

export interface RetrievalPolicy {
  readonly enabled: boolean;
  /** Searched as one; none, or left out: the tenant's default store. */
  readonly storeIds?: readonly string[];
  /** Hybrid where it is left out. */
  readonly mode?: SearchMode;
  readonly topK: number;
  readonly minScore: number;
  readonly budgetTokens: number;
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
  readonly instructions: string;
  readonly retrieval: RetrievalPolicy;
  /** What it screens questions, passages and answers by; null: nothing. */
  readonly policy: PolicyRef | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Grows by one with every change. */
  readonly revision: number;
}

export type Arm = 'stable' | 'canary' | 'pinned' | 'base';

/** One answer's record: written for every request, aborted ones too. Holds no prompt and no passage text. */
export interface AnswerRecord {
  readonly id: string;
  readonly requestId: string;
  readonly tenant: string;
  readonly keyId: string;
  readonly deployment: string;
  readonly adapter: string | null;
  readonly adapterDigest: string | null;
  readonly arm: Arm;
  readonly outcome: string;
  readonly passages: readonly { readonly id: string; readonly score: number }[];
  readonly storeSnapshot: string | null;
  /** What the deployment's policy decided; null: it has none. */
  readonly safety: SafetyRecord | null;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly durationMs: number;
  readonly firstTokenMs: number | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** One caller's opinion of one answer. */
export interface Feedback {
  readonly answerId: string;
  readonly rating: 'up' | 'down';
  readonly comment: string | null;
}

export interface Registry {
  /** Constant-time over the hash; null for unknown and revoked keys. */
  authenticate(key: string): Promise<Principal | null>;

  createTenant(tenant: { id: string; name: string }): Promise<Tenant>;
  listTenants(): Promise<readonly Tenant[]>;

  /** The secret is shown once and stored only as a hash; `secret` fixes it (demo keys). */
  createKey(key: {
    tenant: string;
    label: string;
    scopes: readonly Scope[];
    groups?: readonly string[];
    secret?: string;
  }): Promise<ApiKeyInfo & { readonly secret: string }>;
  listKeys(tenant: string): Promise<readonly ApiKeyInfo[]>;
  revokeKey(tenant: string, keyId: string): Promise<ApiKeyInfo>;

  /** @param publicKey PEM. @throws AppError `invalid_value` where it is none of an algorithm that is known here */
  addSigner(signer: { tenant: string; name: string; publicKey: string }): Promise<Signer>;
  listSigners(tenant: string): Promise<readonly Signer[]>;
  /** The next token of it is refused. */
  removeSigner(tenant: string, name: string): Promise<Signer>;
  /** The groups in a token that one of the tenant's signers made. @throws AppError `invalid_groups_token` */
  readGroupsToken(tenant: string, token: string): Promise<readonly string[]>;

  /** Compiles and registers the next version (or exactly `version`); the same content under the same name is idempotent. */
  addAdapter(adapter: { tenant: string; name: string; folder: string; version?: number }): Promise<AdapterVersion>;
  listAdapters(tenant: string): Promise<readonly AdapterVersion[]>;
  getAdapterVersion(tenant: string, name: string, version: number): Promise<AdapterVersion>;

  putDeployment(deployment: {
    tenant: string;
    name: string;
    adapter: string | null;
    stableVersion: number | null;
    instructions: string;
    retrieval: RetrievalPolicy;
    /** null: none. Left out: as it is, so that nobody drops it unawares. */
    policy?: PolicyRef | null;
  }): Promise<Deployment>;
  getDeployment(tenant: string, name: string): Promise<Deployment>;
  listDeployments(tenant: string): Promise<readonly Deployment[]>;
  setCanary(tenant: string, name: string, canary: { version: number; weight: number }): Promise<Deployment>;
  /** The canary becomes stable. @throws AppError `no_canary` */
  promote(tenant: string, name: string): Promise<Deployment>;
  /** Drops the canary; without one, goes back to the previous stable version. @throws AppError `nothing_to_roll_back` */
  rollback(tenant: string, name: string): Promise<Deployment>;

  /** The next revision; the same rules as in the newest one are that one. @throws AppError `invalid_value` that names the rule */
  putPolicy(policy: { tenant: string; name: string; rules: SafetyRules }): Promise<SafetyPolicy>;
  /** The newest revision of each. */
  listPolicies(tenant: string): Promise<readonly SafetyPolicy[]>;
  /** @param revision null: the newest */
  getPolicy(tenant: string, name: string, revision: number | null): Promise<SafetyPolicy>;

  /**
   * Found by `getAnswer` at once; on the disk when it resolves, a group of records at a time. `close` waits for all; what
   * ends the process at once (`kill -9`) takes the last group with it.
   */
  recordAnswer(record: AnswerRecord): Promise<void>;
  /** @throws AppError `not_found` where the answer is not this tenant's */
  getAnswer(tenant: string, id: string): Promise<AnswerRecord>;
  /**
   * Keeps the last rating of each caller for each answer; durable when it resolves.
   * @returns the answer, and whether this caller rated it for the first time
   * @throws AppError `not_found` where the answer is not this tenant's
   */
  addFeedback(
    caller: Pick<Principal, 'tenant' | 'keyId'>,
    feedback: Feedback,
  ): Promise<{ readonly answer: AnswerRecord; readonly isFirst: boolean }>;

  /**
   * The tenant's changes, or with `*` those of the gateway as a whole, the newest first.
   * @param page lines older than `before`; null: the newest
   */
  listAudit(tenant: string, page: { readonly limit: number; readonly before: number | null }): Promise<AuditPage>;
  /** Notes in the gateway's log which settings it runs with, where they are others than before. */
  noteSettings(settings: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}
