/** OpenAI's cursor pagination. */
import { type Static, type TSchema, Type } from 'typebox';
import type { Page, PageRequest } from '../../../contracts/retrieval.js';

export const PageQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
    after: Type.Optional(Type.String({ description: 'Id of the last item of the page before.' })),
    order: Type.Optional(Type.Enum(['asc', 'desc'], { default: 'desc', description: 'By creation.' })),
  },
  { additionalProperties: false },
);

export const listOf = (item: TSchema) =>
  Type.Object(
    {
      object: Type.Literal('list'),
      data: Type.Array(item),
      first_id: Type.Union([Type.String(), Type.Null()]),
      last_id: Type.Union([Type.String(), Type.Null()]),
      has_more: Type.Boolean(),
    },
    { description: 'One page.' },
  );

export const deleted = (object: string) =>
  Type.Object(
    { id: Type.String(), object: Type.Literal(object), deleted: Type.Boolean() },
    { description: 'It is gone.' },
  );

export function toPageRequest({ limit = 20, after, order = 'desc' }: Static<typeof PageQuery>): PageRequest {
  return { limit, after: after ?? null, order };
}

export function toList<T, W extends { readonly id: string }>({ items, hasMore }: Page<T>, toWire: (item: T) => W) {
  const data = items.map(toWire);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}
