/** What is known of adapter versions beside their content: whether they may answer, and by which names they are found. Types only. */
import type { AdapterRef, SourceFile } from './adapter.js';
import type { VERSION_STATUSES } from './registry-limits.js';
import type { ChangedBy } from './rollouts.js';

/**
 * Whether a version may answer. `candidate`: added, and not yet approved by anybody. `approved`: somebody approved it, or made it
 * stable. `quarantined`: taken back; only keys with the scope `route` reach it, by naming it. `revoked`: nobody ever again.
 * `retired`: out of use, in good order. Candidates and approved versions may become canary and stable.
 */
export type VersionStatus = (typeof VERSION_STATUSES)[number];

/** One change of a version's status. Events are only ever added. */
export interface VersionEvent {
  /** From 1 on. */
  readonly seq: number;
  /** null: it was added. */
  readonly from: VersionStatus | null;
  readonly to: VersionStatus;
  /** Id of a key, or `controller`, or `operator`. */
  readonly actor: string;
  readonly reason: string | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** The files that a version came in: configuration and weights. */
export type VersionSources = readonly SourceFile[];

/** Where a version comes from, as its folder and whoever added it say; null: nobody said. It never changes. */
export interface Lineage {
  /** Of the same tenant: what it was trained on from. */
  readonly parent: { readonly name: string; readonly version: number } | null;
  /** SHA-256 of the training data, hex. */
  readonly dataDigest: string | null;
  /** Program and version. */
  readonly trainer: string | null;
  readonly hyperparameters: Readonly<Record<string, unknown>> | null;
  /** Of the training: examples, tokens, the final loss. */
  readonly figures: Readonly<Record<string, number>>;
  readonly description: string | null;
  readonly license: string | null;
}

/** Ed25519 over what `sha256sum adapter_config.json adapter_model.safetensors` writes. */
export interface AdapterSignature {
  /** Name of one of the tenant's signers of adapters. */
  readonly signer: string;
  /** Base64. */
  readonly value: string;
}

/** What a tenant asks of the adapters that it is given. */
export interface AdapterPolicy {
  /** Only signed versions are added, and become stable or canary. */
  readonly requireSignatures: boolean;
}

/** What somebody measured of a version. Reports are only ever added. */
export interface EvaluationReport {
  /** From 1 on. */
  readonly seq: number;
  readonly name: string;
  readonly figures: Readonly<Record<string, number>>;
  /** SHA-256 of the questions, hex. */
  readonly dataDigest: string | null;
  /** Id of a key, or `operator`. */
  readonly actor: string;
  readonly createdAt: number;
}

/** A name for one version of an adapter, which moves: `assistant@champion`. */
export interface Alias {
  readonly tenant: string;
  readonly adapter: string;
  readonly alias: string;
  readonly version: number;
  /** Grows by one with every move. */
  readonly revision: number;
  readonly updatedAt: number;
}

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

/** Versions of adapters, what is known of them, and the names that point at them. */
export interface Versions {
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
}
