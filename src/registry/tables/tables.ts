/** All tables of `registry.db`. */
import type { Kysely } from 'kysely';
import type { Tenant } from '../../contracts/registry.js';
import type { Alias } from '../../contracts/versions.js';
import type { AnswerRow, FeedbackRow, ReviewRow, SignalsRow } from './answers.js';
import type { DeploymentRow, PolicyRow, RolloutEventRow, ToolRow, WebhookRow } from './deployments.js';
import type { Json } from './json.js';
import type { KeyRow, LimitsRow, SignerRow, UsageTable } from './tenants.js';
import type {
  BatchRow,
  ConversationItemRow,
  ConversationRow,
  EvaluationAnswerRow,
  EvaluationRunRow,
  ResponseRow,
} from './texts.js';
import type { AdapterRow, DeletedVersionRow, EvaluationRow, VersionEventRow } from './versions.js';

export interface Tables {
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
  evaluationRuns: EvaluationRunRow;
  evaluationAnswers: EvaluationAnswerRow;
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
