import type { FileAttributes, SearchFilter } from '../../contracts/retrieval.js';

type Value = string | number | boolean;

/** Whether a file's attributes pass. What a file does not have is equal to nothing, and neither greater nor less. */
export function passes(filter: SearchFilter, attributes: FileAttributes): boolean {
  switch (filter.type) {
    case 'and':
      return filter.filters.every((one) => passes(one, attributes));
    case 'or':
      return filter.filters.some((one) => passes(one, attributes));
    default: {
      // Not what every object inherits: `constructor` is no attribute.
      const held = Object.hasOwn(attributes, filter.key) ? attributes[filter.key]! : null;
      return compare(filter, held);
    }
  }
}

function compare(filter: Exclude<SearchFilter, { readonly filters: unknown }>, held: Value | null): boolean {
  switch (filter.type) {
    case 'eq':
      return held === filter.value;
    case 'ne':
      return held !== filter.value;
    case 'in':
      return held !== null && filter.value.includes(held);
    case 'nin':
      return held === null || !filter.value.includes(held);
    default:
      return isOrdered(filter.type, held, filter.value);
  }
}

/** Numbers compare with numbers, and texts with texts by their characters: dates as ISO 8601 writes them have their order. */
function isOrdered(type: 'gt' | 'gte' | 'lt' | 'lte', held: Value | null, value: Value): boolean {
  if (held === null || typeof held !== typeof value || typeof value === 'boolean') return false;
  if (type === 'gt') return held > value;
  if (type === 'gte') return held >= value;
  return type === 'lt' ? held < value : held <= value;
}
