/**
 * The schema of a body as the document shows it. The validator lets pass what is handled by name behind it: parameters
 * that are refused with a reason of their own, and null, which clients send for "not given".
 */
export interface Schema {
  readonly [keyword: string]: unknown;
  readonly type?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Schemas;
  readonly required?: readonly string[];
  readonly description?: string;
  /** All that is accepted in the end; see `refusedFields`. */
  readonly accepts?: Schema;
}

type Schemas = Readonly<Record<string, Schema>>;

const NULL: Schema = { type: 'null' };

/** @param nullIsAbsent null may stand for everything that may be left out */
export function toDocumented(schema: Schema, nullIsAbsent: boolean): Schema {
  const inner = (part: Schema) => toDocumented(part, nullIsAbsent);
  const optional = (part: Schema) => (nullIsAbsent ? orNull(inner(part)) : inner(part));
  const isRequired = (name: string) => schema.required?.includes(name) ?? false;
  if (schema.accepts) return { ...inner(schema.accepts), description: schema.description };
  return mapped(schema, (value, keyword) => {
    switch (keyword) {
      case 'properties':
        return mapped(value as Schemas, (part, name) => (isRequired(name) ? inner(part) : optional(part)));
      case 'patternProperties':
        return mapped(value as Schemas, optional);
      case 'items':
        return inner(value as Schema);
      case 'anyOf':
        return (value as Schema[]).map(inner);
      default:
        return value;
    }
  });
}

function orNull(schema: Schema): Schema {
  const { anyOf, const: only, ...rest } = schema;
  if (anyOf) return { ...schema, anyOf: [...anyOf, NULL] };
  if (rest.type === 'null') return schema;
  const values = only === undefined ? rest.enum : [only];
  return {
    ...rest,
    ...(typeof rest.type === 'string' && { type: [rest.type, 'null'] }),
    ...(values && { enum: [...values, null] }),
  };
}

function mapped<T>(members: Readonly<Record<string, T>>, change: (value: T, name: string) => unknown) {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, change(value, name)]));
}
