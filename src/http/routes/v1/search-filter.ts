/** OpenAI's filters on the attributes of files. */
import { type Static, Type } from 'typebox';
import type { SearchFilter } from '../../../contracts/retrieval.js';
import { AppError } from '../../../errors/app-error.js';

const COMPARISONS = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte'] as const;
const LISTS = ['in', 'nin'] as const;
const COMPOUNDS = ['and', 'or'] as const;
/** Enough for any question about sixteen attributes; each is looked at for every file. */
const MAX_DEPTH = 4;
const MAX_CONDITIONS = 64;

const Scalar = Type.Union([Type.String({ maxLength: 512 }), Type.Number(), Type.Boolean()]);

/** The type decides which of the other members there have to be; `toFilter` looks. */
export const Filter = Type.Object(
  {
    type: Type.Enum([...COMPARISONS, ...LISTS, ...COMPOUNDS]),
    key: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: 'An attribute; not in `and` and `or`.' }),
    ),
    value: Type.Optional(
      Type.Union([Scalar, Type.Array(Scalar, { maxItems: 256 })], {
        description: 'What it is compared with: a list for `in` and `nin`; not in `and` and `or`.',
      }),
    ),
    filters: Type.Optional(
      Type.Array(Type.Unknown(), { minItems: 1, maxItems: MAX_CONDITIONS, description: 'Of `and` and `or`: filters.' }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Only passages of files whose attributes pass. A file without the attribute passes `ne` and `nin` alone; numbers compare with numbers, texts with texts.',
  },
);

/** @throws AppError `invalid_value` that names the member */
export function toFilter(filter: Static<typeof Filter> | undefined, param: string): SearchFilter | null {
  if (filter === undefined) return null;
  let conditions = 0;
  const wrong = (at: string, reason: string) => new AppError('invalid_value', { param: at, reason });

  const parse = (value: unknown, at: string, depth: number): SearchFilter => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(at, 'must be a filter');
    if (++conditions > MAX_CONDITIONS) throw wrong(param, `must not hold more than ${MAX_CONDITIONS} filters`);
    const { type, key, value: wanted, filters, ...rest } = value as Readonly<Record<string, unknown>>;
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) throw wrong(`${at}.${unknown}`, 'is not known here');
    if (isOneOf(COMPOUNDS, type)) {
      if (!Array.isArray(filters) || filters.length === 0) throw wrong(`${at}.filters`, 'must be a list of filters');
      if (depth === MAX_DEPTH) throw wrong(`${at}.filters`, `must not be nested deeper than ${MAX_DEPTH}`);
      return { type, filters: filters.map((one, index) => parse(one, `${at}.filters[${index}]`, depth + 1)) };
    }
    const isList = isOneOf(LISTS, type);
    if (!isList && !isOneOf(COMPARISONS, type)) throw wrong(`${at}.type`, 'is no kind of filter');
    if (typeof key !== 'string' || key === '') throw wrong(`${at}.key`, 'must name an attribute');
    if (isList) {
      if (Array.isArray(wanted) && wanted.every(isScalar)) return { type, key, value: wanted };
      throw wrong(`${at}.value`, 'must be a list of texts, numbers or booleans');
    }
    if (isScalar(wanted)) return { type, key, value: wanted };
    throw wrong(`${at}.value`, 'must be a text, a number or a boolean');
  };
  return parse(filter, param, 1);
}

function isOneOf<T extends string>(known: readonly T[], value: unknown): value is T {
  return known.includes(value as T);
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}
