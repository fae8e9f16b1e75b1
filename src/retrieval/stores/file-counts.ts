import { sql } from 'kysely';
import type { FileCounts, VectorStoreFile } from '../../contracts/retrieval.js';

/** What a file in a store is to others: one that was called off failed, as far as reading it goes. */
export const STATUS = sql<VectorStoreFile['status']>`case cancelled when 1 then 'cancelled' else status end`;

export function toFileCounts(rows: readonly { readonly status: string; readonly files: number }[]): FileCounts {
  const files = (status: VectorStoreFile['status']) => rows.find((row) => row.status === status)?.files ?? 0;
  return {
    inProgress: files('in_progress'),
    completed: files('completed'),
    failed: files('failed'),
    cancelled: files('cancelled'),
    total: rows.reduce((sum, row) => sum + row.files, 0),
  };
}
