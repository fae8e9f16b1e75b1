/** The steps that are about versions, and about keys that may do little. */
import type { Migration } from 'kysely';
import { statements } from './statements.js';

export const versionSteps: Readonly<Record<string, Migration>> = {
  '0020-version-status': statements(
    `ALTER TABLE adapters ADD COLUMN status TEXT NOT NULL DEFAULT 'candidate'
    CHECK (status IN ('candidate', 'approved', 'quarantined', 'revoked', 'retired'))`,
    // Whoever made a version stable approved it.
    `UPDATE adapters SET status = 'approved' WHERE EXISTS (
    SELECT 1 FROM rollout_events e WHERE e.tenant = adapters.tenant
      AND json_extract(e.served, '$.adapter') = adapters.name
      AND json_extract(e.served, '$.stableVersion') = adapters.version
  )`,
    `CREATE TABLE version_events (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    from_status TEXT,
    to_status TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, version, seq),
    FOREIGN KEY (tenant, name, version) REFERENCES adapters (tenant, name, version) ON DELETE CASCADE
  ) STRICT`,
    `INSERT INTO version_events (tenant, name, version, seq, to_status, actor, created_at)
    SELECT tenant, name, version, 1, status, 'migration', created_at FROM adapters`,
    `CREATE TABLE aliases (
    tenant TEXT NOT NULL,
    adapter TEXT NOT NULL,
    alias TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, adapter, alias),
    FOREIGN KEY (tenant, adapter, version) REFERENCES adapters (tenant, name, version)
  ) STRICT`,
  ),
  '0021-lineage': statements(
    'ALTER TABLE adapters ADD COLUMN base_model TEXT',
    'ALTER TABLE adapters ADD COLUMN added_by TEXT',
    'ALTER TABLE adapters ADD COLUMN sources TEXT',
    'ALTER TABLE adapters ADD COLUMN lineage TEXT',
    `CREATE TABLE evaluations (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    report TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, version, seq),
    FOREIGN KEY (tenant, name, version) REFERENCES adapters (tenant, name, version) ON DELETE CASCADE
  ) STRICT`,
  ),
  '0022-keys': statements(
    'ALTER TABLE keys ADD COLUMN expires_at INTEGER',
    'ALTER TABLE keys ADD COLUMN last_used_at INTEGER',
    'ALTER TABLE keys ADD COLUMN rotated_at INTEGER',
    'ALTER TABLE keys ADD COLUMN previous_hash BLOB',
    'ALTER TABLE keys ADD COLUMN previous_until INTEGER',
    'CREATE UNIQUE INDEX keys_by_previous_hash ON keys (previous_hash) WHERE previous_hash IS NOT NULL',
  ),
  '0023-signatures-and-deletion': statements(
    'ALTER TABLE adapters ADD COLUMN signed_by TEXT',
    `ALTER TABLE signers ADD COLUMN purpose TEXT NOT NULL DEFAULT 'groups'`,
    `CREATE TABLE adapter_policies (
    tenant TEXT PRIMARY KEY REFERENCES tenants (id),
    require_signatures INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT`,
    `CREATE TABLE deleted_versions (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    status TEXT NOT NULL,
    deleted_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, version)
  ) STRICT`,
  ),
};
