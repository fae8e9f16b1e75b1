/** Who is told, by HTTP, what is done to a tenant's rollouts. Types only. */
import type { JobFailure, Lease } from '../jobs/jobs.js';
import type { RolloutEvent, RolloutEventType } from './rollouts.js';

export interface Webhook {
  readonly id: string;
  readonly tenant: string;
  readonly url: string;
  /** What it is told of; none: of everything. */
  readonly events: readonly RolloutEventType[];
  readonly createdAt: number;
  /** Until when the secret before the last rotation signs, too; null: there is none. */
  readonly previousUntil: number | null;
  /** Of the last attempt to tell it something; null: there was none. */
  readonly lastAt: number | null;
  /** Why that failed; null: it did not. */
  readonly lastError: string | null;
}

/** A secret is shown once. */
export type NewWebhook = Webhook & { readonly secret: string };

/** What is to be told, to whom. */
export interface Delivery {
  readonly webhook: Webhook;
  /** Whose signatures count now: one, or two after a rotation. */
  readonly secrets: readonly string[];
  readonly deployment: string;
  readonly event: RolloutEvent;
}

export interface Webhooks {
  /** @throws AppError `invalid_value`, also where there are too many */
  addWebhook(webhook: Pick<Webhook, 'tenant' | 'url' | 'events'>): Promise<NewWebhook>;
  listWebhooks(tenant: string): Promise<readonly Webhook[]>;
  /** A new secret; the one before signs beside it for a day. @throws AppError `not_found` */
  rotateWebhook(tenant: string, id: string): Promise<NewWebhook>;
  /** What was not told yet is not told any more. @throws AppError `not_found` */
  removeWebhook(tenant: string, id: string): Promise<Webhook>;
  /** What a job of the kind `webhook` is about; null: there is nothing to tell any more. */
  findDelivery(lease: Lease): Promise<Delivery | null>;
  /** Ends the job: it was told, or nothing is left to tell. */
  finishDelivery(lease: Lease): Promise<void>;
  /** Notes a failed attempt; the job is its holder's. */
  noteFailedDelivery(lease: Lease, failure: JobFailure): Promise<void>;
}
