/** The steps that are about texts that are kept: responses, batches, conversations. */
import type { Migration } from 'kysely';
import { JOBS_SCHEMA } from '../../jobs/table.js';
import { statements } from './statements.js';

export const textSteps: Readonly<Record<string, Migration>> = {
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
  '0032-evaluation-runs': statements(
    `CREATE TABLE evaluation_runs (
      id TEXT PRIMARY KEY,
      tenant TEXT NOT NULL,
      adapter TEXT NOT NULL,
      version INTEGER NOT NULL,
      deployment TEXT NOT NULL,
      task TEXT NOT NULL,
      questions TEXT NOT NULL,
      data_digest TEXT NOT NULL,
      started_by TEXT NOT NULL,
      figures TEXT,
      report INTEGER,
      created_at INTEGER NOT NULL,
      FOREIGN KEY (tenant, adapter, version) REFERENCES adapters (tenant, name, version) ON DELETE CASCADE
    ) STRICT`,
    'CREATE INDEX evaluation_runs_by_version ON evaluation_runs (tenant, adapter, version)',
    `CREATE TABLE evaluation_answers (
      run TEXT NOT NULL REFERENCES evaluation_runs (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      score TEXT NOT NULL,
      text TEXT,
      answered_at INTEGER NOT NULL,
      PRIMARY KEY (run, position)
    ) STRICT, WITHOUT ROWID`,
  ),
};
