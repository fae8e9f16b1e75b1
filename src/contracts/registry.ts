/** All that is kept of tenants, and what each part of it can do. Types only. */

import type { JobStore } from '../jobs/jobs.js';
import type { Answers } from './answers.js';
import type { AuditChange, AuditPage } from './audit.js';
import type { Batches } from './batches.js';
import type { Conversations } from './conversations.js';
import type { Deployments } from './deployments.js';
import type { EvaluationRuns } from './evaluations.js';
import type { Feedbacks } from './feedback.js';
import type { Shares } from './quota.js';
import type { Responses } from './stored-responses.js';
import type { Tenants } from './tenants.js';
import type { Versions } from './versions.js';
import type { Webhooks } from './webhooks.js';

export type * from './answers.js';
export type * from './deployments.js';
export type * from './feedback.js';
export type { GenerationDefaults, RetrievalPolicy } from './settings.js';
export type * from './tenants.js';
export type { AdapterVersion } from './versions.js';

export interface SharingStatus {
  /** Why nothing can be changed; null where it can. */
  readonly trouble: string | null;
  /** Since it was known last that nothing is missing here of what the other gateways did, in milliseconds. */
  readonly behindMs: number;
}

export interface Registry
  extends Tenants,
    Versions,
    Deployments,
    Answers,
    Feedbacks,
    Responses,
    Batches,
    Conversations,
    EvaluationRuns,
    Webhooks {
  /**
   * The tenant's changes, or with `*` those of the gateway as a whole, the newest first.
   * @param page lines older than `before`; null: the newest
   */
  listAudit(tenant: string, page: { readonly limit: number; readonly before: number | null }): Promise<AuditPage>;
  /** The user as records name them: a keyed hash, from which nobody learns who it is. */
  hashUser(tenant: string, user: string): Uint8Array;
  /** A line of the audit log about what lies elsewhere than in the registry. */
  noteChange(change: AuditChange): Promise<void>;
  /** Notes in the gateway's log which settings it runs with, where they are others than before. */
  noteSettings(settings: Readonly<Record<string, unknown>>): Promise<void>;
  /** For who works on responses, batches, evaluations and webhooks. */
  readonly jobs: JobStore;
  /** No other gateway works with the same registry: whoever held a job before is dead. */
  readonly isAlone: boolean;
  /** How this gateway's copy of a registry stands that several have; null: it is alone. */
  sharing(): SharingStatus | null;
  /** This gateway's shares of limits; null: it is alone. */
  readonly shares: Shares | null;

  close(): Promise<void>;
}
