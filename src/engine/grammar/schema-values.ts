import { isDeepStrictEqual } from 'node:util';
import { alt, type Expr, oneOf, seq, text } from './expr.js';
import { FORMATS } from './formats.js';
import { jsonString, written } from './json-text.js';
import { MOST_LISTED, multiples } from './multiples.js';
import { ANY_NUMBER, type Bound, decimals, integers } from './numbers.js';
import { PatternError, regexExpr } from './regex.js';
import { type Schema, SchemaError } from './schema-merge.js';

export const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;
export type Type = (typeof TYPES)[number];

/** By type: what may be said of it. */
export const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
  object: ['properties', 'required', 'additionalProperties', 'minProperties', 'maxProperties', 'propertyNames'],
};

/** Items and properties that are counted, at most. */
export const MOST_COUNTED = 10_000;

export function typesIn({ type }: Schema, path: string): readonly Type[] | null {
  if (type === undefined) return null;
  const types = Array.isArray(type) ? type : [type];
  const unknown = types.find((name) => !TYPES.includes(name));
  if (unknown !== undefined) {
    throw new SchemaError(`${path}/type`, `${JSON.stringify(unknown)} is no type; those are ${TYPES.join(', ')}`);
  }
  return types.includes('number') ? types.filter((name) => name !== 'integer') : types;
}

export function typeOf(value: unknown): Type {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : (typeof value as Type);
}

export function valuesOf(schema: Schema, types: readonly Type[] | null, path: string): Expr {
  const listed = 'enum' in schema ? listAt(schema.enum, `${path}/enum`) : [schema.const];
  const both =
    'enum' in schema && 'const' in schema ? listed.filter((value) => isDeepStrictEqual(value, schema.const)) : listed;
  const other = Object.values(KEYWORDS)
    .flat()
    .find((keyword) => keyword in schema);
  if (other)
    throw new SchemaError(
      `${path}/${other}`,
      'beside enum or const it is not supported; leave out the values that it excludes',
    );
  const isOf = (value: unknown) => {
    const type = typeOf(value);
    return types === null || types.includes(type) || (type === 'integer' && types.includes('number'));
  };
  return oneOf(both.filter(isOf).map(written));
}

export function stringOf(schema: Schema, path: string): Expr {
  const min = countAt(schema, 'minLength', path) ?? 0;
  const max = countAt(schema, 'maxLength', path) ?? Number.POSITIVE_INFINITY;
  const { pattern, format } = schema;
  if (pattern === undefined && format === undefined) return min > max ? alt() : jsonString(min, max);
  const at = `${path}/${pattern === undefined ? 'format' : 'pattern'}`;
  if (min > 0 || max !== Number.POSITIVE_INFINITY || (pattern !== undefined && format !== undefined)) {
    throw new SchemaError(
      at,
      'together with another limit of the same string it is not supported; say it all in one pattern',
    );
  }
  const source = pattern ?? FORMATS[String(format)];
  if (typeof source !== 'string') {
    const reason = pattern === undefined ? `the formats are ${Object.keys(FORMATS).join(', ')}` : 'it is a text';
    throw new SchemaError(at, reason);
  }
  try {
    return seq(text('"'), regexExpr(source, true), text('"'));
  } catch (error) {
    if (error instanceof PatternError) throw new SchemaError(at, error.message);
    throw error;
  }
}

export function numberOf(schema: Schema, isInteger: boolean, path: string): Expr {
  const bounds = ['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum'].map((keyword): Bound | null => {
    const value = schema[keyword];
    if (value === undefined) return null;
    if (typeof value !== 'number') throw new SchemaError(`${path}/${keyword}`, 'it is a number');
    return { value, open: keyword.startsWith('exclusive') };
  });
  const low = tighter(bounds[0]!, bounds[1]!, 1);
  const high = tighter(bounds[2]!, bounds[3]!, -1);
  if (schema.multipleOf !== undefined) return multiplesOf(schema.multipleOf, low, high, isInteger, path);
  if (isInteger) {
    const from = low === null ? Number.NEGATIVE_INFINITY : low.open ? Math.floor(low.value) + 1 : low.value;
    const to = high === null ? Number.POSITIVE_INFINITY : high.open ? Math.ceil(high.value) - 1 : high.value;
    return integers(from, to);
  }
  if (low === null && high === null) return ANY_NUMBER;
  const range = decimals(low, high);
  if (range === null) throw new SchemaError(path, 'a bound has at most 15 digits before the point and 8 behind it');
  return range;
}

function multiplesOf(step: unknown, low: Bound | null, high: Bound | null, isInteger: boolean, path: string): Expr {
  const at = `${path}/multipleOf`;
  if (typeof step !== 'number' || step <= 0) throw new SchemaError(at, 'it is a number above 0');
  const found = multiples(step, low, high, isInteger);
  if (found !== null) return found;
  const reason = `${step} is supported where at most ${MOST_LISTED} of its multiples are between minimum and maximum`;
  throw new SchemaError(at, `${reason}; steps as 5, 100 or 0.01, which divide a power of ten, are everywhere`);
}

/** @param sign 1: the larger one counts */
function tighter(a: Bound | null, b: Bound | null, sign: number): Bound | null {
  if (a === null || b === null) return a ?? b;
  return (b.value - a.value) * sign >= 0 ? b : a;
}

export function listAt(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new SchemaError(path, 'it is a list');
  return value;
}

export function countAt(schema: Schema, keyword: string, path: string): number | null {
  const value = schema[keyword];
  if (value === undefined) return null;
  if (!Number.isInteger(value) || (value as number) < 0)
    throw new SchemaError(`${path}/${keyword}`, 'it is a whole number from 0');
  if ((value as number) > MOST_COUNTED && !keyword.endsWith('Length')) {
    throw new SchemaError(`${path}/${keyword}`, `${value} is more than ${MOST_COUNTED}`);
  }
  return value as number;
}
