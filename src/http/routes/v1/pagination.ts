/** OpenAI's cursor pagination. */
import { type Static, type TSchema, Type } from 'typebox';
import type { Page, PageRequest } from '../../../contracts/retrieval.js';

const DEFAULT_LIMIT = 20;

/** How far the reading of a file is; `completed`: searchable and durable. */
export const FILE_STATUSES = ['in_progress', 'completed', 'failed', 'cancelled'] as const;

export const pageFields = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: DEFAULT_LIMIT })),
  after: Type.Optional(Type.String({ description: 'Id of the last item of the page before.' })),
  order: Type.Optional(Type.Enum(['asc', 'desc'], { default: 'desc', description: 'By creation.' })),
};

export const PageQuery = Type.Object(pageFields, { additionalProperties: false });

export const StoreFilesQuery = Type.Object(
  {
    ...pageFields,
    filter: Type.Optional(Type.Enum(FILE_STATUSES, { description: 'Only files that are that far.' })),
  },
  { additionalProperties: false },
);

/** OpenAI's pages of files are larger than all others. */
const FILES_LIMIT = 10_000;

export const FilesQuery = Type.Object(
  {
    ...pageFields,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: FILES_LIMIT, default: FILES_LIMIT })),
    purpose: Type.Optional(Type.String({ description: 'Only files that were uploaded for it.' })),
  },
  { additionalProperties: false },
);

export function toFilesRequest({ limit = FILES_LIMIT, ...query }: Static<typeof FilesQuery>): PageRequest {
  return toPageRequest({ ...query, limit });
}

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

export function toPageRequest({ limit = DEFAULT_LIMIT, after, order = 'desc' }: Static<typeof PageQuery>): PageRequest {
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
