/** What users and reviewers say of answers. Types only. */
import type { AnswerRecord } from './answers.js';
import type { AnswerMoment } from './paging.js';
import type { ChatMessage } from './prompt.js';
import type { FEEDBACK_CATEGORIES, REVIEW_REASONS } from './registry-limits.js';
import type { Principal } from './tenants.js';

/** What a better answer would have been. Kept only where the tenant consents to training. */
export interface Correction {
  /** The conversation up to the answer, the user's turn last: prompts are not kept here. */
  readonly messages: readonly ChatMessage[];
  readonly answer: string;
}

type FeedbackCategory = (typeof FEEDBACK_CATEGORIES)[number];

/** One caller's opinion of one answer; at least one of its members says something. */
export interface Feedback {
  readonly answerId: string;
  readonly rating: 'up' | 'down' | null;
  /** 0 … 1. */
  readonly score: number | null;
  readonly categories: readonly FeedbackCategory[];
  readonly comment: string | null;
  readonly correction: Correction | null;
}

/**
 * Why a person should look at an answer: it is hardly supported by its passages, a user did not like it, it refuses although
 * a passage was found that fits well, a user wrote a better one, or a canary that answered unseen came to something else.
 */
export type ReviewReason = (typeof REVIEW_REASONS)[number];

/** An answer that waits for a reviewer. */
export interface ReviewItem {
  readonly answerId: string;
  readonly createdAt: number;
  readonly deployment: string;
  readonly adapter: string | null;
  readonly reasons: readonly ReviewReason[];
  /** What the canary answered to the same question, seen by nobody; null: it was not asked. */
  readonly shadowId: string | null;
  readonly groundedness: number | null;
  readonly refused: boolean | null;
  readonly topScore: number | null;
  readonly comments: readonly string[];
  /** What users would have wanted, newest first. */
  readonly corrections: readonly Correction[];
}

/** What a reviewer found. */
export interface Review {
  /** Of the answer, or of the user's correction; `corrected`: the reviewer's own goes before it. */
  readonly verdict: 'accepted' | 'corrected' | 'rejected';
  readonly labels: readonly FeedbackCategory[];
  readonly note: string | null;
  readonly correction: Correction | null;
}

/** A correction with where it comes from. */
export interface TrainingExample extends Correction {
  readonly answerId: string;
  readonly deployment: string;
  readonly adapter: string | null;
  readonly adapterDigest: string | null;
  readonly documents: readonly string[];
  /** Ids of keys; null: nobody has looked at it yet. */
  readonly author: string;
  readonly reviewer: string | null;
  readonly labels: readonly FeedbackCategory[];
  readonly labelSchema: number;
  readonly createdAt: number;
}

/** Opinions on answers, and what is learnt from them. */
export interface Feedbacks {
  /**
   * Keeps the last opinion of each caller on each answer; durable when it resolves.
   * @returns the answer, and whether this caller rated it for the first time
   * @throws AppError `not_found` where the answer is not this tenant's, `consent_missing` for a correction that may not be kept
   */
  addFeedback(
    caller: Pick<Principal, 'tenant' | 'keyId'>,
    feedback: Feedback,
  ): Promise<{ readonly answer: AnswerRecord; readonly isFirst: boolean }>;
  /**
   * Answers that a person should look at and nobody has, the newest first.
   * @param filter reason null: for any reason; before: older than this one, which may have been looked at meanwhile
   */
  listReviews(
    tenant: string,
    filter: { readonly reason: ReviewReason | null; readonly limit: number; readonly before?: AnswerMoment | null },
  ): Promise<readonly ReviewItem[]>;
  /** Keeps the last review of an answer. @throws AppError as `addFeedback` */
  putReview(caller: Pick<Principal, 'tenant' | 'keyId'>, answerId: string, review: Review): Promise<void>;
  /**
   * Corrections that no reviewer rejected, the oldest first, read a page at a time.
   * @throws AppError `consent_missing` where the tenant does not consent to training
   */
  trainingExamples(tenant: string): AsyncIterable<TrainingExample>;
}
