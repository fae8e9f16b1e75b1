/** Tenants, keys and signers. Types only. */
import type { Caller, Limits, PastUse, SetLimits, TenantLimits, UsageQuery, UsageReport } from './quota.js';
import type { SCOPES, SIGNER_PURPOSES } from './registry-limits.js';
import type { ChangedBy, IfRevision } from './rollouts.js';

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

/** Whose signature is believed: of tokens that tell which groups a caller is in, or of adapters. */
export interface Signer {
  readonly tenant: string;
  /** Of tokens, their `kid`. */
  readonly name: string;
  readonly purpose: (typeof SIGNER_PURPOSES)[number];
  readonly algorithm: 'EdDSA' | 'ES256' | 'RS256';
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

/** Tenants, their keys and signers, what they may use, and what may be done with their answers. */
export interface Tenants {
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
}
