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
