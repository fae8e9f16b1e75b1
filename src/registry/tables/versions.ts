/** Rows of versions of adapters. */
import type { VersionStatus } from '../../contracts/versions.js';
import type { Json } from './json.js';

export interface AdapterRow {
  tenant: string;
  name: string;
  version: number;
  digest: string;
  /** Relative to the data folder, so that the folder may move. */
  compiledFile: string;
  baseDigest: string;
  rank: number;
  targets: Json;
  bytes: number;
  status: VersionStatus;
  baseModel: string | null;
  addedBy: string | null;
  sources: Json | null;
  /** null: of before. */
  lineage: Json | null;
  signedBy: string | null;
  createdAt: number;
}

export interface VersionEventRow {
  tenant: string;
  name: string;
  version: number;
  seq: number;
  fromStatus: VersionStatus | null;
  toStatus: VersionStatus;
  actor: string;
  reason: string | null;
  createdAt: number;
}

export interface EvaluationRow {
  tenant: string;
  name: string;
  version: number;
  seq: number;
  report: Json;
  actor: string;
  createdAt: number;
}

export interface DeletedVersionRow {
  tenant: string;
  name: string;
  version: number;
  digest: string;
  /** That it had. */
  status: VersionStatus;
  deletedAt: number;
}
