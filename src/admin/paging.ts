import { type Static, Type } from 'typebox';
import { AppError } from '../errors/app-error.js';
import { nullable } from './schemas.js';

/** Of lists that grow: without it, all comes at once. */
export const PageQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Items of a page; by default all.' })),
    after: Type.Optional(Type.String({ maxLength: 200, description: '`next` of the page before.' })),
  },
  { additionalProperties: false },
);

export const pageOf = <T extends Type.TSchema>(item: T) =>
  Type.Object({
    data: Type.Array(item),
    next: nullable(Type.String({ description: 'Where the next page begins; null: this was the last one.' })),
  });

/**
 * A part of a list whose order stays: what is added or removed elsewhere moves no page.
 * @throws AppError `invalid_value` where the item is gone that the page is to begin behind
 */
export function toPage<T>(
  items: readonly T[],
  cursorOf: (item: T) => string,
  { limit = items.length, after }: Static<typeof PageQuery>,
) {
  const before = after === undefined ? -1 : items.findIndex((item) => cursorOf(item) === after);
  if (after !== undefined && before === -1) {
    throw new AppError('invalid_value', { param: 'after', reason: 'names nothing that is there. Begin without it' });
  }
  const data = items.slice(before + 1, before + 1 + limit);
  const hasMore = before + 1 + data.length < items.length;
  return { data, next: hasMore ? cursorOf(data.at(-1)!) : null };
}
