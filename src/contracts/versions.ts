/** What is known of adapter versions beside their content: whether they may answer, and by which names they are found. Types only. */
import type { SourceFile } from './adapter.js';
import type { VERSION_STATUSES } from './registry-limits.js';

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
