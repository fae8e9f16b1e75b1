/** The tables of `registry.db`, as numbered steps. A step that was released is never edited: add the next one. */
import { DEFAULT_MIGRATION_TABLE, type Kysely, type Migration, Migrator, sql } from 'kysely';
import { AUDIT_SCHEMA } from '../audit/table.js';
import { AppError } from '../errors/app-error.js';
import { JOBS_SCHEMA } from '../jobs/table.js';
import { versionSteps } from './version-migrations.js';

const statements = (...list: readonly string[]): Migration => ({
  async up(db: Kysely<unknown>) {
    for (const statement of list) await sql.raw(statement).execute(db);
  },
});

const MIGRATIONS: Readonly<Record<string, Migration>> = {
  ...versionSteps(statements),
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
  '0002-feedback-by-caller': statements(
    'ALTER TABLE feedback RENAME TO feedback_of_anyone',
    `CREATE TABLE feedback (
      answer_id TEXT NOT NULL REFERENCES answers (id),
      key_id TEXT NOT NULL,
      rating TEXT NOT NULL CHECK (rating IN ('up', 'down')),
      comment TEXT,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (answer_id, key_id)
    ) STRICT`,
    // Who rated was not kept: most likely who had asked.
    `INSERT INTO feedback SELECT answer_id, key_id, rating, comment, f.created_at
      FROM feedback_of_anyone f JOIN answers ON answers.id = answer_id`,
    'DROP TABLE feedback_of_anyone',
  ),
  // A least score was compared with a cosine; the same number as a share of certainty would leave out nearly everything.
  '0003-scores-are-shares': statements(
    `UPDATE deployments SET retrieval =
      json_set(retrieval, '$.minScore', max(0, round(json_extract(retrieval, '$.minScore') / 4.0, 3)))`,
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
  '0005-signals': statements(
    'ALTER TABLE answers ADD COLUMN version INTEGER',
    `ALTER TABLE answers ADD COLUMN assigned_by TEXT NOT NULL DEFAULT 'weight'`,
    'ALTER TABLE answers ADD COLUMN deployment_revision INTEGER',
    'ALTER TABLE answers ADD COLUMN finish_reason TEXT',
    'ALTER TABLE answers ADD COLUMN queue_ms REAL',
    'ALTER TABLE answers ADD COLUMN retrieval_ms REAL',
    'ALTER TABLE answers ADD COLUMN prefill_ms REAL',
    'ALTER TABLE answers ADD COLUMN decode_ms REAL',
    'ALTER TABLE answers ADD COLUMN cached_tokens INTEGER',
    'CREATE INDEX answers_by_version ON answers (tenant, deployment, version, created_at)',
    `CREATE TABLE answer_signals (
      answer_id TEXT PRIMARY KEY REFERENCES answers (id) ON DELETE CASCADE,
      groundedness REAL,
      least_grounded REAL,
      citation_validity REAL,
      citation_coverage REAL,
      numbers_grounded REAL,
      refused INTEGER NOT NULL,
      truncated INTEGER NOT NULL,
      words INTEGER NOT NULL,
      repeated_ngrams REAL,
      mean_logprob REAL,
      least_logprob REAL,
      top_score REAL,
      score_gap REAL,
      language TEXT,
      question_language TEXT,
      sentiment REAL,
      cluster INTEGER,
      computed_at INTEGER NOT NULL
    ) STRICT`,
  ),
  '0006-receipts-and-retention': statements(
    'ALTER TABLE answers ADD COLUMN base_digest TEXT',
    'ALTER TABLE answers ADD COLUMN prompt_digest TEXT',
    'ALTER TABLE answers ADD COLUMN user_hash BLOB',
    'CREATE INDEX answers_by_user ON answers (tenant, user_hash) WHERE user_hash IS NOT NULL',
    'CREATE INDEX answers_by_age ON answers (tenant, created_at)',
    // Without it no hash tells whose it is.
    'CREATE TABLE user_hash_key (key BLOB NOT NULL) STRICT',
    'INSERT INTO user_hash_key VALUES (randomblob(32))',
    `CREATE TABLE data_policies (
      tenant TEXT PRIMARY KEY REFERENCES tenants (id),
      retention_days INTEGER,
      max_answers INTEGER,
      training_consent INTEGER NOT NULL
    ) STRICT`,
    'ALTER TABLE feedback RENAME TO feedback_before',
    `CREATE TABLE feedback (
      answer_id TEXT NOT NULL REFERENCES answers (id) ON DELETE CASCADE,
      key_id TEXT NOT NULL,
      rating TEXT CHECK (rating IN ('up', 'down')),
      score REAL CHECK (score BETWEEN 0 AND 1),
      categories TEXT NOT NULL DEFAULT '[]',
      comment TEXT,
      messages TEXT,
      corrected_answer TEXT,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (answer_id, key_id)
    ) STRICT`,
    `INSERT INTO feedback (answer_id, key_id, rating, comment, created_at)
      SELECT answer_id, key_id, rating, comment, created_at FROM feedback_before`,
    'DROP TABLE feedback_before',
    `CREATE TABLE reviews (
      answer_id TEXT PRIMARY KEY REFERENCES answers (id) ON DELETE CASCADE,
      verdict TEXT NOT NULL CHECK (verdict IN ('accepted', 'corrected', 'rejected')),
      labels TEXT NOT NULL,
      schema_version INTEGER NOT NULL,
      note TEXT,
      messages TEXT,
      corrected_answer TEXT,
      reviewer TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT`,
  ),
  '0007-drift-baselines': statements(
    `CREATE TABLE drift_baselines (
      tenant TEXT NOT NULL,
      deployment TEXT NOT NULL,
      baseline TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (tenant, deployment)
    ) STRICT`,
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
  '0011-audit': statements(...AUDIT_SCHEMA),
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
  '0013-safety-of-answers': statements('ALTER TABLE answers ADD COLUMN safety TEXT'),
  '0014-responses': statements(
    `CREATE TABLE responses (
      id TEXT PRIMARY KEY,
      tenant TEXT NOT NULL REFERENCES tenants (id),
      audience TEXT NOT NULL,
      previous_id TEXT,
      status TEXT NOT NULL,
      input TEXT NOT NULL,
      body TEXT NOT NULL,
      task TEXT,
      user_hash BLOB,
      created_at INTEGER NOT NULL
    ) STRICT`,
    'CREATE INDEX responses_by_age ON responses (tenant, created_at)',
    'CREATE INDEX responses_by_user ON responses (tenant, user_hash) WHERE user_hash IS NOT NULL',
    'ALTER TABLE data_policies ADD COLUMN store_responses INTEGER NOT NULL DEFAULT 1',
    ...JOBS_SCHEMA.split(';').filter((statement) => statement.trim() !== ''),
  ),
  '0015-limits-and-usage': statements(
    `CREATE TABLE limits (
      tenant TEXT NOT NULL REFERENCES tenants (id),
      key_id TEXT NOT NULL,
      limits TEXT NOT NULL,
      revision INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      PRIMARY KEY (tenant, key_id)
    ) STRICT`,
    `CREATE TABLE usage (
      tenant TEXT NOT NULL,
      day TEXT NOT NULL,
      key TEXT NOT NULL,
      deployment TEXT NOT NULL,
      version TEXT NOT NULL,
      answers INTEGER NOT NULL,
      prompt_tokens INTEGER NOT NULL,
      cached_tokens INTEGER NOT NULL,
      completion_tokens INTEGER NOT NULL,
      PRIMARY KEY (tenant, day, key, deployment, version)
    ) STRICT, WITHOUT ROWID`,
    // Of what was deleted meanwhile nothing is known any more.
    `INSERT INTO usage SELECT tenant, date(created_at / 1000, 'unixepoch') AS day, key_id, deployment,
        coalesce(adapter, 'base') AS version, count(*), sum(prompt_tokens), sum(coalesce(cached_tokens, 0)),
        sum(completion_tokens)
      FROM answers GROUP BY tenant, day, key_id, deployment, version`,
  ),
  '0016-captures': statements(
    'ALTER TABLE data_policies ADD COLUMN capture_rate REAL NOT NULL DEFAULT 0',
    'ALTER TABLE data_policies ADD COLUMN capture_days INTEGER',
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
  '0018-batches': statements(
    `CREATE TABLE batches (
      id TEXT PRIMARY KEY,
      tenant TEXT NOT NULL REFERENCES tenants (id),
      created_at INTEGER NOT NULL,
      is_over INTEGER NOT NULL CHECK (is_over IN (0, 1)),
      body TEXT NOT NULL
    ) STRICT`,
    'CREATE INDEX batches_by_age ON batches (tenant, created_at, id)',
    `CREATE TABLE batch_results (
      batch_id TEXT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
      line INTEGER NOT NULL,
      is_error INTEGER NOT NULL CHECK (is_error IN (0, 1)),
      json TEXT NOT NULL,
      PRIMARY KEY (batch_id, line)
    ) STRICT, WITHOUT ROWID`,
  ),
  '0024-conversations': statements(
    `CREATE TABLE conversations (
      id TEXT PRIMARY KEY,
      tenant TEXT NOT NULL REFERENCES tenants (id),
      audience TEXT NOT NULL,
      metadata TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT`,
    'CREATE INDEX conversations_by_age ON conversations (tenant, created_at)',
    `CREATE TABLE conversation_items (
      conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      id TEXT NOT NULL,
      item TEXT NOT NULL,
      user_hash BLOB,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (conversation, position)
    ) STRICT, WITHOUT ROWID`,
    'CREATE INDEX conversation_items_by_age ON conversation_items (created_at)',
    'CREATE INDEX conversation_items_by_user ON conversation_items (user_hash) WHERE user_hash IS NOT NULL',
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
  '0030-revisions': statements(
    'ALTER TABLE tenants ADD COLUMN revision INTEGER NOT NULL DEFAULT 1',
    'ALTER TABLE data_policies ADD COLUMN revision INTEGER NOT NULL DEFAULT 1',
    'ALTER TABLE keys ADD COLUMN revision INTEGER NOT NULL DEFAULT 1',
    'ALTER TABLE keys ADD COLUMN made_with TEXT',
    'ALTER TABLE keys ADD COLUMN rotated_with TEXT',
    'CREATE UNIQUE INDEX keys_by_idempotency_key ON keys (tenant, made_with) WHERE made_with IS NOT NULL',
  ),
};

/**
 * Brings the tables to the newest step, or to the last one before `end`; each step is one transaction.
 * @throws AppError `config_invalid` where a newer version of the product wrote the database
 */
export async function migrate<T>(db: Kysely<T>, end = '9'): Promise<void> {
  const steps = Object.fromEntries(Object.entries(MIGRATIONS).filter(([name]) => name < end));
  // Steps are numbered as they are written and released as they are done: one may come behind a later number.
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => steps },
    allowUnorderedMigrations: true,
  });
  await refuseNewer(db, steps);
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}

async function refuseNewer<T>(db: Kysely<T>, steps: Readonly<Record<string, Migration>>): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) return;
  const { rows } = await sql<{ name: string }>`SELECT name FROM ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(db);
  const unknown = rows.map(({ name }) => name).find((name) => !(name in steps));
  if (unknown === undefined) return;
  throw new AppError('config_invalid', {
    reason: `registry.db was written by a newer version (schema ${unknown}, which this one does not know). Start that version, restore a backup that this one made, or set dataDir to another folder`,
  });
}
