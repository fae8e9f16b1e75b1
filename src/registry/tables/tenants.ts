/** Rows of tenants: keys, signers, limits, use. */
import type { Signer } from '../../contracts/registry.js';
import type { Json } from './json.js';

export interface KeyRow {
  id: string;
  tenant: string;
  label: string;
  scopes: Json;
  groups: Json;
  hash: Buffer;
  createdAt: number;
  revokedAt: number | null;
  expiresAt: number | null;
  lastUsedAt: number | null;
  rotatedAt: number | null;
  previousHash: Buffer | null;
  previousUntil: number | null;
  revision: number;
  /** Idempotency keys: of its making, and of its last rotation. */
  madeWith: string | null;
  rotatedWith: string | null;
}

export interface SignerRow {
  tenant: string;
  name: string;
  algorithm: Signer['algorithm'];
  purpose: Signer['purpose'];
  /** PEM. */
  publicKey: string;
  createdAt: number;
}

export interface LimitsRow {
  tenant: string;
  /** Empty: of the tenant. */
  keyId: string;
  limits: Json;
  revision: number;
  updatedAt: number;
}

/** What was used in a day, by whom and of what. */
export interface UsageTable {
  tenant: string;
  day: string;
  /** Its id. */
  key: string;
  deployment: string;
  /** `support@2`, or `base`. */
  version: string;
  answers: number;
  promptTokens: number;
  cachedTokens: number;
  completionTokens: number;
}
