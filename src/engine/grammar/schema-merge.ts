import { isDeepStrictEqual } from 'node:util';

export type Schema = Readonly<Record<string, unknown>>;

/** What a schema says that is not supported, and where. */
export class SchemaError extends Error {
  readonly path: string;

  constructor(path: string, reason: string) {
    super(reason);
    this.path = path;
  }
}

export const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Say nothing about a value. */
export const ANNOTATIONS: ReadonlySet<string> = new Set([
  ...['title', 'description', 'default', 'examples', 'example', '$schema', '$comment', '$id', 'id', '$anchor'],
  ...['deprecated', 'readOnly', 'writeOnly', '$defs', 'definitions', 'discriminator', 'contentMediaType'],
  ...['contentEncoding', 'contentSchema', '$vocabulary', 'nullable'],
]);

const larger = (a: unknown, b: unknown) => Math.max(a as number, b as number);
const smaller = (a: unknown, b: unknown) => Math.min(a as number, b as number);
const typesOf = (type: unknown): unknown[] => (Array.isArray(type) ? type : [type]);

/** How what two schemas say of the same is said by one. */
const JOINED: Readonly<Record<string, (a: unknown, b: unknown) => unknown>> = {
  type: (a, b) => {
    const accepts = (types: unknown[], type: unknown) =>
      types.includes(type) || (type === 'integer' && types.includes('number'));
    const [left, right] = [typesOf(a), typesOf(b)];
    return [
      ...new Set([...left.filter((type) => accepts(right, type)), ...right.filter((type) => accepts(left, type))]),
    ];
  },
  required: (a, b) => [...new Set([...(a as unknown[]), ...(b as unknown[])])],
  enum: (a, b) => (a as unknown[]).filter((value) => (b as unknown[]).some((other) => isDeepStrictEqual(value, other))),
  items: (a, b) => ({ allOf: [a, b] }),
  minimum: larger,
  exclusiveMinimum: larger,
  minLength: larger,
  minItems: larger,
  minProperties: larger,
  maximum: smaller,
  exclusiveMaximum: smaller,
  maxLength: smaller,
  maxItems: smaller,
  maxProperties: smaller,
};

/** One schema that says what both say. @throws SchemaError */
export function merged(a: Schema, b: Schema, path: string): Schema {
  const both: Record<string, unknown> = { ...a, ...b };
  for (const keyword of Object.keys(a)) {
    if (!(keyword in b) || ANNOTATIONS.has(keyword) || isDeepStrictEqual(a[keyword], b[keyword])) continue;
    const join = JOINED[keyword];
    if (join) both[keyword] = join(a[keyword], b[keyword]);
    else if (keyword === 'allOf') both.allOf = [...(a.allOf as unknown[]), ...(b.allOf as unknown[])];
    else if (keyword !== 'properties' && keyword !== 'additionalProperties') {
      throw new SchemaError(path, `${keyword} is said twice, in ways that cannot be joined; say it once`);
    }
  }
  if (isSchema(a.properties) || isSchema(b.properties)) both.properties = joinedProperties(a, b);
  if ('additionalProperties' in a && 'additionalProperties' in b) {
    both.additionalProperties = bothOf(a.additionalProperties, b.additionalProperties);
  }
  return both;
}

/** What one of them does not name is whatever it says of further properties. */
function joinedProperties(a: Schema, b: Schema): Schema {
  const [left, right] = [a, b].map(({ properties }) => (isSchema(properties) ? properties : {})) as [Schema, Schema];
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return Object.fromEntries(
    names.map((name) => [
      name,
      bothOf(
        name in left ? left[name] : (a.additionalProperties ?? true),
        name in right ? right[name] : (b.additionalProperties ?? true),
      ),
    ]),
  );
}

function bothOf(a: unknown, b: unknown): unknown {
  if (a === false || b === false) return false;
  if (a === true) return b;
  if (b === true || isDeepStrictEqual(a, b)) return a;
  return { allOf: [a, b] };
}
