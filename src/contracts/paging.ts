/** Lists that are read a page at a time. Types only. */

export interface Page<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
}

export interface PageRequest {
  readonly limit: number;
  readonly after: string | null;
  readonly order: 'asc' | 'desc';
}

/** Where a list of answers that is read from the newest on goes on: behind this one, whether it is still there or not. */
export interface AnswerMoment {
  readonly createdAt: number;
  readonly answerId: string;
}
