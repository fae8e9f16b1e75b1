/** The steps that are about records of answers, and what is said of them. */
import type { Migration } from 'kysely';
import { statements } from './statements.js';

export const answerSteps: Readonly<Record<string, Migration>> = {
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
  '0013-safety-of-answers': statements('ALTER TABLE answers ADD COLUMN safety TEXT'),
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
};
