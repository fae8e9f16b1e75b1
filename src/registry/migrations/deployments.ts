/** The steps that are about deployments, and what they answer by. */
import type { Migration } from 'kysely';
import { statements } from './statements.js';

export const deploymentSteps: Readonly<Record<string, Migration>> = {
  // A least score was compared with a cosine; the same number as a share of certainty would leave out nearly everything.
  '0003-scores-are-shares': statements(
    `UPDATE deployments SET retrieval =
      json_set(retrieval, '$.minScore', max(0, round(json_extract(retrieval, '$.minScore') / 4.0, 3)))`,
  ),
  '0008-rollouts': statements(
    'ALTER TABLE deployments ADD COLUMN rollout TEXT',
    `CREATE TABLE rollout_events (
      tenant TEXT NOT NULL,
      deployment TEXT NOT NULL,
      revision INTEGER NOT NULL,
      type TEXT NOT NULL,
      actor TEXT NOT NULL,
      reason TEXT,
      served TEXT NOT NULL,
      evidence TEXT,
      idempotency_key TEXT,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (tenant, deployment, revision),
      FOREIGN KEY (tenant, deployment) REFERENCES deployments (tenant, name)
    ) STRICT`,
    'CREATE UNIQUE INDEX rollout_events_by_key ON rollout_events (tenant, deployment, idempotency_key)',
    // What was done before is not known, only what it came to.
    `INSERT INTO rollout_events (tenant, deployment, revision, type, actor, served, created_at)
      SELECT tenant, name, revision, 'adopted', 'migration', json_object(
        'adapter', adapter, 'stableVersion', stable_version, 'canaryVersion', canary_version,
        'canaryWeight', canary_weight,
        'previous', CASE has_previous WHEN 1 THEN json_object('version', previous_version) END,
        'rollout', NULL
      ), updated_at FROM deployments`,
    `CREATE TABLE leases (
      name TEXT PRIMARY KEY,
      holder TEXT NOT NULL,
      ends_at INTEGER NOT NULL
    ) STRICT`,
  ),
  '0012-policies': statements(
    `CREATE TABLE policies (
      tenant TEXT NOT NULL REFERENCES tenants (id),
      name TEXT NOT NULL,
      revision INTEGER NOT NULL,
      rules TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (tenant, name, revision)
    ) STRICT`,
    'ALTER TABLE deployments ADD COLUMN policy TEXT',
  ),
  '0017-tools': statements(
    `CREATE TABLE tools (
      tenant TEXT NOT NULL REFERENCES tenants (id),
      name TEXT NOT NULL,
      description TEXT NOT NULL,
      parameters TEXT NOT NULL,
      url TEXT NOT NULL,
      method TEXT NOT NULL,
      secret TEXT,
      timeout_ms INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      PRIMARY KEY (tenant, name)
    ) STRICT`,
    `ALTER TABLE deployments ADD COLUMN tools TEXT NOT NULL DEFAULT '[]'`,
    'ALTER TABLE answers ADD COLUMN tools TEXT',
  ),
  '0025-groups-and-shadows': statements(
    `ALTER TABLE deployments ADD COLUMN canary_groups TEXT NOT NULL DEFAULT '[]'`,
    'ALTER TABLE deployments ADD COLUMN shadow_weight REAL NOT NULL DEFAULT 0',
    'ALTER TABLE answers ADD COLUMN pair TEXT',
    'CREATE INDEX answers_by_pair ON answers (pair) WHERE pair IS NOT NULL',
  ),
  '0026-webhooks': statements(
    `CREATE TABLE webhooks (
      id TEXT PRIMARY KEY,
      tenant TEXT NOT NULL REFERENCES tenants (id),
      url TEXT NOT NULL,
      events TEXT NOT NULL,
      secret TEXT NOT NULL,
      previous_secret TEXT,
      previous_until INTEGER,
      created_at INTEGER NOT NULL,
      last_at INTEGER,
      last_error TEXT
    ) STRICT`,
    'CREATE INDEX webhooks_by_tenant ON webhooks (tenant)',
  ),
  '0027-mcp-tools': statements('ALTER TABLE tools ADD COLUMN mcp_tool TEXT'),
  '0028-experiments': statements(
    'ALTER TABLE deployments ADD COLUMN experiment TEXT',
    'ALTER TABLE rollout_events ADD COLUMN report TEXT',
  ),
  '0029-generation': statements(`ALTER TABLE deployments ADD COLUMN generation TEXT NOT NULL DEFAULT '{}'`),
  '0031-engines': statements(
    'ALTER TABLE deployments ADD COLUMN engine TEXT',
    'ALTER TABLE answers ADD COLUMN engine TEXT',
  ),
};
