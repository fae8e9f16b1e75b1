/** Batches: many requests from a file, answered behind the one that brought them. Types only. */

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

export type NewBatch = Omit<Batch, 'status' | 'counts' | 'outputFileId' | 'errorFileId' | 'errors' | 'reachedAt'>;
export type BatchChange = Partial<Pick<Batch, 'status' | 'counts' | 'outputFileId' | 'errorFileId' | 'errors'>>;

/** What became of a line of the file. */
export interface BatchResult {
  /** From 0 on. */
  readonly line: number;
  /** Whether it belongs into the file of errors. */
  readonly isError: boolean;
  /** JSON, as it stands in a file. */
  readonly json: string;
}
