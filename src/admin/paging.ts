import { type Static, Type } from 'typebox';
import type { AnswerMoment } from '../contracts/paging.js';
import { AppError } from '../errors/app-error.js';
import { nullable } from './schemas/common.js';

const MOST = 1000;
const after = Type.Optional(Type.String({ maxLength: 200, description: '`next` of the page before.' }));
const limit = (description: string) => Type.Optional(Type.Integer({ minimum: 1, maximum: MOST, description }));

/** Of lists that hold what people made: without it, all comes at once. */
export const PageQuery = Type.Object(
  { limit: limit('Items of a page; by default all.'), after },
  { additionalProperties: false },
);

/** Of lists of what happened, which grow by themselves. */
export const pageQuery = (usual: number) =>
  Type.Object({ limit: limit(`Items of a page; by default ${usual}.`), after }, { additionalProperties: false });

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
  if (after !== undefined && before === -1) throw unknownCursor();
  return cut(items.slice(before + 1), limit, cursorOf);
}

/**
 * A part of a list that is read from a database, by one item more than is shown.
 * @param usual its items where nobody says how many
 * @param read the items behind a cursor, as many as there are of a number
 */
export async function readPage<T, C>(
  usual: number,
  { limit = usual, after }: Static<typeof PageQuery>,
  cursor: { readonly of: (item: T) => string; readonly parse: (text: string) => C | null },
  read: (limit: number, after: C | null) => Promise<readonly T[]>,
) {
  const behind = after === undefined ? null : cursor.parse(after);
  if (after !== undefined && behind === null) throw unknownCursor();
  return cut(await read(limit + 1, behind), limit, cursor.of);
}

/** A place in a list of what has numbers. */
export function numberCursor<T>(of: (item: T) => number) {
  const parse = (text: string) => (/^\d{1,15}$/.test(text) ? Number(text) : null);
  return { of: (item: T) => String(of(item)), parse };
}

/** A place in a list of answers; it stays one where its answer is deleted meanwhile. */
export const answerCursor = {
  of: ({ createdAt, answerId }: AnswerMoment) => `${createdAt}:${answerId}`,
  parse(text: string): AnswerMoment | null {
    const match = /^(\d{1,15}):(.+)$/.exec(text);
    return match && { createdAt: Number(match[1]), answerId: match[2]! };
  },
};

function cut<T>(items: readonly T[], limit: number, cursorOf: (item: T) => string) {
  const data = items.slice(0, limit);
  return { data, next: items.length > limit ? cursorOf(data.at(-1)!) : null };
}

function unknownCursor(): AppError {
  return new AppError('invalid_value', { param: 'after', reason: 'names nothing that is there. Begin without it' });
}
