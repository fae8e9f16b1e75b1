import type { Page, PageRequest } from '../../contracts/retrieval.js';

/** Splits `limit + 1` rows into a page. */
export function toPage<Row, Item>(rows: readonly Row[], request: PageRequest, toItem: (row: Row) => Item): Page<Item> {
  return { items: rows.slice(0, request.limit).map(toItem), hasMore: rows.length > request.limit };
}

/** The comparison that goes on after a cursor in the order asked for. */
export function beyond(request: PageRequest): '>' | '<' {
  return request.order === 'asc' ? '>' : '<';
}
