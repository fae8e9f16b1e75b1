import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type SQLite from 'better-sqlite3';
import { CamelCasePlugin, Kysely } from 'kysely';
import type { AuditDb } from '../audit/log.js';
import type { AuditChange } from '../contracts/audit.js';
import type { Signer, Tenant } from '../contracts/registry.js';
import type { RolloutEvent } from '../contracts/rollouts.js';
import type { Alias, VersionStatus } from '../contracts/versions.js';
import type { JobDb } from '../jobs/jobs.js';
import { openSqlite } from '../sqlite/open.js';
import { type CommitHook, PreparedSqliteDialect } from '../sqlite/prepared.js';
import { createWriteBehind } from '../sqlite/write-behind.js';
import { migrate } from './migrations.js';

/** JSON, as text. */
type Json = string;

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

interface VersionEventRow {
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

interface EvaluationRow {
  tenant: string;
  name: string;
  version: number;
  seq: number;
  report: Json;
  actor: string;
  createdAt: number;
}

interface DeletedVersionRow {
  tenant: string;
  name: string;
  version: number;
  digest: string;
  /** That it had. */
  status: VersionStatus;
  deletedAt: number;
}

export interface DeploymentRow {
  tenant: string;
  name: string;
  adapter: string | null;
  stableVersion: number | null;
  canaryVersion: number | null;
  canaryWeight: number;
  canaryGroups: Json;
  shadowWeight: number;
  /** 1 where there is a stable version to go back to; `previousVersion` null then means the bare base. */
  hasPrevious: 0 | 1;
  previousVersion: number | null;
  rollout: Json | null;
  experiment: Json | null;
  instructions: string;
  retrieval: Json;
  generation: Json;
  /** `PolicyRef` as JSON; null: none. */
  policy: Json | null;
  /** Names. */
  tools: Json;
  createdAt: number;
  updatedAt: number;
  revision: number;
}

export interface ToolRow {
  tenant: string;
  name: string;
  description: string;
  parameters: Json;
  url: string;
  method: 'GET' | 'POST';
  mcpTool: string | null;
  secret: string | null;
  timeoutMs: number;
  createdAt: number;
  updatedAt: number;
}

export interface WebhookRow {
  id: string;
  tenant: string;
  url: string;
  events: Json;
  secret: string;
  /** Before the last rotation; it signs until then. */
  previousSecret: string | null;
  previousUntil: number | null;
  createdAt: number;
  lastAt: number | null;
  lastError: string | null;
}

export interface AnswerRow {
  id: string;
  requestId: string;
  tenant: string;
  keyId: string;
  deployment: string;
  adapter: string | null;
  adapterDigest: string | null;
  arm: string;
  outcome: string;
  passages: Json;
  /** `SafetyRecord`; null: no policy. */
  safety: Json | null;
  /** `ToolRun`s; null: none. */
  tools: Json | null;
  storeSnapshot: string | null;
  promptTokens: number;
  completionTokens: number;
  durationMs: number;
  firstTokenMs: number | null;
  createdAt: number;
  version: number | null;
  assignedBy: string;
  pair: string | null;
  deploymentRevision: number | null;
  finishReason: string | null;
  queueMs: number | null;
  retrievalMs: number | null;
  prefillMs: number | null;
  decodeMs: number | null;
  cachedTokens: number | null;
  baseDigest: string | null;
  promptDigest: string | null;
  userHash: Buffer | null;
}

/** What an answer was worth; `null` where there was nothing to judge it by. */
export interface SignalsRow {
  answerId: string;
  groundedness: number | null;
  leastGrounded: number | null;
  citationValidity: number | null;
  citationCoverage: number | null;
  numbersGrounded: number | null;
  refused: 0 | 1;
  truncated: 0 | 1;
  words: number;
  repeatedNgrams: number | null;
  meanLogprob: number | null;
  leastLogprob: number | null;
  topScore: number | null;
  scoreGap: number | null;
  language: string | null;
  questionLanguage: string | null;
  sentiment: number | null;
  cluster: number | null;
  computedAt: number;
}

export interface RolloutEventRow {
  tenant: string;
  deployment: string;
  revision: number;
  type: RolloutEvent['type'];
  actor: string;
  reason: string | null;
  served: Json;
  evidence: Json | null;
  report: Json | null;
  idempotencyKey: string | null;
  createdAt: number;
}

interface FeedbackRow {
  answerId: string;
  keyId: string;
  rating: 'up' | 'down' | null;
  score: number | null;
  categories: Json;
  comment: string | null;
  messages: Json | null;
  correctedAnswer: string | null;
  createdAt: number;
}

export interface ReviewRow {
  answerId: string;
  verdict: 'accepted' | 'corrected' | 'rejected';
  labels: Json;
  schemaVersion: number;
  note: string | null;
  messages: Json | null;
  correctedAnswer: string | null;
  /** Id of the key. */
  reviewer: string;
  createdAt: number;
}

export interface PolicyRow {
  tenant: string;
  name: string;
  revision: number;
  rules: Json;
  createdAt: number;
}

export interface ResponseRow {
  id: string;
  tenant: string;
  audience: string;
  previousId: string | null;
  status: string;
  input: Json;
  body: Json;
  task: Json | null;
  userHash: Buffer | null;
  createdAt: number;
}

export interface ConversationRow {
  id: string;
  tenant: string;
  audience: string;
  metadata: Json;
  createdAt: number;
}

interface ConversationItemRow {
  conversation: string;
  /** Grows along the conversation. */
  position: number;
  id: string;
  item: Json;
  userHash: Buffer | null;
  createdAt: number;
}

interface LimitsRow {
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

export interface BatchRow {
  id: string;
  tenant: string;
  createdAt: number;
  isOver: 0 | 1;
  body: Json;
}

interface Tables {
  batches: BatchRow;
  batchResults: { batchId: string; line: number; isError: 0 | 1; json: Json };
  responses: ResponseRow;
  conversations: ConversationRow;
  conversationItems: ConversationItemRow;
  limits: LimitsRow;
  usage: UsageTable;
  policies: PolicyRow;
  tools: ToolRow;
  webhooks: WebhookRow;
  tenants: Tenant;
  keys: KeyRow;
  signers: SignerRow;
  adapters: AdapterRow;
  versionEvents: VersionEventRow;
  evaluations: EvaluationRow;
  deletedVersions: DeletedVersionRow;
  adapterPolicies: { tenant: string; requireSignatures: 0 | 1; updatedAt: number };
  aliases: Alias;
  deployments: DeploymentRow;
  rolloutEvents: RolloutEventRow;
  leases: { name: string; holder: string; endsAt: number };
  answers: AnswerRow;
  answerSignals: SignalsRow;
  userHashKey: { key: Buffer };
  dataPolicies: {
    tenant: string;
    retentionDays: number | null;
    maxAnswers: number | null;
    trainingConsent: 0 | 1;
    storeResponses: 0 | 1;
    captureRate: number;
    captureDays: number | null;
    revision: number;
  };
  feedback: FeedbackRow;
  reviews: ReviewRow;
  driftBaselines: { tenant: string; deployment: string; baseline: Json; createdAt: number };
}

/** The tables, or a transaction over them. */
export type Database = Kysely<Tables>;

/** Writes a line of the audit log in the transaction of the change. */
export type Audited = (trx: Database, change: AuditChange) => Promise<void>;

/** The same database, of which the audit log knows its own tables alone. */
export function auditTables(db: Database): AuditDb {
  return db as Kysely<unknown> as AuditDb;
}

/** The same database, of which the jobs know their own table alone, with its names as they are. */
export function jobTables(db: Database): JobDb {
  return db.withoutPlugins() as Kysely<unknown> as JobDb;
}

export interface OpenDatabase {
  readonly db: Database;
  /** The same connection, for whoever has it: within `alone`, or while nobody else uses the database. */
  readonly raw: SQLite.Database;
  /** Another number whenever another connection, of this process or another one, has committed something. */
  readonly outerVersion: () => number;
  /** A statement of the same connection, to be run by `writeBehind` alone. */
  readonly prepare: (sql: string) => SQLite.Statement;
  /** One transaction of such statements, as `WriteBehind` has it, between those of `db`. */
  readonly writeBehind: (write: () => void) => Promise<void>;
  /** One transaction between those of `db`, for whose way to the disk nobody waits. */
  alone<T>(job: () => T): Promise<T>;
  /** @param before at the end of each transaction of `db`; what it throws undoes it. @param behind after each of `writeBehind` */
  onCommit(hook: { before(): Promise<void>; behind(): void }): void;
  close(): Promise<void>;
}

/** Opens the file, creating it where it is missing. */
export async function openDatabase(file: string): Promise<OpenDatabase> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const database = openSqlite(file);
  const hook: CommitHook = { before: null };
  let onBehind = () => {};
  const db = new Kysely<Tables>({
    dialect: new PreparedSqliteDialect(database, hook),
    plugins: [new CamelCasePlugin()],
  });
  try {
    await migrate(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  const version = database.prepare('PRAGMA data_version').pluck();
  const behind = createWriteBehind(database);
  return {
    db,
    raw: database,
    outerVersion: () => version.get() as number,
    prepare: (sql) => database.prepare(sql),
    async writeBehind(write) {
      // Others have the connection while this is on its way to the disk.
      const { onDisk } = await db.connection().execute(async () => ({ onDisk: behind.run(write) }));
      await onDisk;
      onBehind();
    },
    alone: (job) => db.connection().execute(async () => behind.now(job)),
    onCommit(given) {
      hook.before = given.before;
      onBehind = given.behind;
    },
    async close() {
      await db.destroy();
      await behind.close();
    },
  };
}
