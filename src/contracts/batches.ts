/** Batches: many requests from a file, answered behind the one that brought them. Types only. */

import type { Lease } from '../jobs/jobs.js';
import type { Page, PageRequest } from './paging.js';

export type BatchStatus =
  | 'validating'
  | 'failed'
  | 'in_progress'
  | 'finalizing'
  | 'completed'
  | 'expired'
  | 'cancelling'
  | 'cancelled';

/** How far the lines of a batch are. */
interface BatchCounts {
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
}

export interface Batch {
  readonly id: string;
  readonly tenant: string;
  /** Whose scopes its requests have. */
  readonly keyId: string;
  readonly scopes: readonly string[];
  readonly endpoint: string;
  readonly inputFileId: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: BatchStatus;
  readonly counts: BatchCounts;
  readonly outputFileId: string | null;
  readonly errorFileId: string | null;
  /** Why it failed as a whole, by line of its file. */
  readonly errors: readonly { readonly code: string; readonly message: string; readonly line: number | null }[];
  /** Milliseconds since the epoch; when each status was reached, null where it was not. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly reachedAt: Readonly<Partial<Record<BatchStatus, number>>>;
}

type NewBatch = Omit<Batch, 'status' | 'counts' | 'outputFileId' | 'errorFileId' | 'errors' | 'reachedAt'>;
export type BatchChange = Partial<Pick<Batch, 'status' | 'counts' | 'outputFileId' | 'errorFileId' | 'errors'>>;

/** What became of a line of the file. */
interface BatchResult {
  /** From 0 on. */
  readonly line: number;
  /** Whether it belongs into the file of errors. */
  readonly isError: boolean;
  /** JSON, as it stands in a file. */
  readonly json: string;
}

/** Batches that are kept. */
export interface Batches {
  /** Durable when it resolves: a job of the kind `batch` is about it. */
  createBatch(batch: NewBatch): Promise<Batch>;
  /** @throws AppError `not_found` where it is not this tenant's, as below */
  getBatch(tenant: string, id: string): Promise<Batch>;
  listBatches(tenant: string, page: PageRequest): Promise<Page<Batch>>;
  /** What is not begun of it is not begun any more; one that is over stays as it is. */
  cancelBatch(tenant: string, id: string): Promise<Batch>;
  /** One that is called off is not in progress again. */
  changeBatch(tenant: string, id: string, change: BatchChange): Promise<Batch>;
  /** A line's first result counts. */
  addBatchResult(id: string, result: BatchResult): Promise<void>;
  /** In the order of the file, behind a line. */
  listBatchResults(id: string, after: number, limit: number): Promise<readonly BatchResult[]>;
  /** Ends the job too, and forgets the results, which are in files; nothing changes where it is no longer held. */
  finishBatch(lease: Lease, change: BatchChange): Promise<void>;
}
