/** The first step, and those that are about tenants and keys. */
import type { Migration } from 'kysely';
import { AUDIT_SCHEMA } from '../../audit/table.js';
import { statements } from './statements.js';

export const tenantSteps: Readonly<Record<string, Migration>> = {
  '0001-tenants-keys-adapters-deployments-answers': statements(
    `CREATE TABLE tenants (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE TABLE keys (
      id TEXT PRIMARY KEY,
      tenant TEXT NOT NULL REFERENCES tenants (id),
      label TEXT NOT NULL,
      scopes TEXT NOT NULL,
      hash BLOB NOT NULL UNIQUE,
      created_at INTEGER NOT NULL,
      revoked_at INTEGER
    ) STRICT`,
    'CREATE INDEX keys_by_tenant ON keys (tenant, created_at)',
    `CREATE TABLE adapters (
      tenant TEXT NOT NULL REFERENCES tenants (id),
      name TEXT NOT NULL,
      version INTEGER NOT NULL CHECK (version >= 1),
      digest TEXT NOT NULL,
      compiled_file TEXT NOT NULL,
      base_digest TEXT NOT NULL,
      rank INTEGER NOT NULL,
      targets TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (tenant, name, version),
      UNIQUE (tenant, name, digest)
    ) STRICT`,
    `CREATE TABLE deployments (
      tenant TEXT NOT NULL REFERENCES tenants (id),
      name TEXT NOT NULL,
      adapter TEXT,
      stable_version INTEGER,
      canary_version INTEGER,
      canary_weight REAL NOT NULL CHECK (canary_weight BETWEEN 0 AND 100),
      has_previous INTEGER NOT NULL CHECK (has_previous IN (0, 1)),
      previous_version INTEGER,
      instructions TEXT NOT NULL,
      retrieval TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      revision INTEGER NOT NULL,
      PRIMARY KEY (tenant, name),
      FOREIGN KEY (tenant, adapter, stable_version) REFERENCES adapters (tenant, name, version),
      FOREIGN KEY (tenant, adapter, canary_version) REFERENCES adapters (tenant, name, version),
      FOREIGN KEY (tenant, adapter, previous_version) REFERENCES adapters (tenant, name, version)
    ) STRICT`,
    `CREATE TABLE answers (
      id TEXT PRIMARY KEY,
      request_id TEXT NOT NULL,
      tenant TEXT NOT NULL,
      key_id TEXT NOT NULL,
      deployment TEXT NOT NULL,
      adapter TEXT,
      adapter_digest TEXT,
      arm TEXT NOT NULL,
      outcome TEXT NOT NULL,
      passages TEXT NOT NULL,
      store_snapshot TEXT,
      prompt_tokens INTEGER NOT NULL,
      completion_tokens INTEGER NOT NULL,
      duration_ms REAL NOT NULL,
      first_token_ms REAL,
      created_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE TABLE feedback (
      answer_id TEXT PRIMARY KEY REFERENCES answers (id),
      rating TEXT NOT NULL CHECK (rating IN ('up', 'down')),
      comment TEXT,
      created_at INTEGER NOT NULL
    ) STRICT`,
  ),
  '0004-groups': statements(
    `ALTER TABLE keys ADD COLUMN groups TEXT NOT NULL DEFAULT '[]'`,
    `CREATE TABLE signers (
      tenant TEXT NOT NULL REFERENCES tenants (id),
      name TEXT NOT NULL,
      algorithm TEXT NOT NULL,
      public_key TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (tenant, name)
    ) STRICT`,
  ),
  '0011-audit': statements(...AUDIT_SCHEMA),
  '0030-revisions': statements(
    'ALTER TABLE tenants ADD COLUMN revision INTEGER NOT NULL DEFAULT 1',
    'ALTER TABLE data_policies ADD COLUMN revision INTEGER NOT NULL DEFAULT 1',
    'ALTER TABLE keys ADD COLUMN revision INTEGER NOT NULL DEFAULT 1',
    'ALTER TABLE keys ADD COLUMN made_with TEXT',
    'ALTER TABLE keys ADD COLUMN rotated_with TEXT',
    'CREATE UNIQUE INDEX keys_by_idempotency_key ON keys (tenant, made_with) WHERE made_with IS NOT NULL',
  ),
};
