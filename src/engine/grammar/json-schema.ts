import { isDeepStrictEqual } from 'node:util';
import { alt, type Expr, oneOf, optional, repeat, seq, text } from './expr.js';
import { FORMATS } from './formats.js';
import { COLON, COMMA, jsonString, nameExcept, written } from './json-text.js';
import { ANY_NUMBER, type Bound, decimals, integers } from './numbers.js';
import { PatternError, regexExpr } from './regex.js';
import { ANNOTATIONS, isSchema, merged, type Schema, SchemaError } from './schema-merge.js';

const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;
type Type = (typeof TYPES)[number];

/** By type: what may be said of it. */
const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
  object: ['properties', 'required', 'additionalProperties', 'minProperties', 'maxProperties', 'propertyNames'],
};

/** In JSON Schema these say something about a value, and here they are not understood. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  ...['not', 'if', 'then', 'else', 'dependentSchemas', 'dependentRequired', 'dependencies', 'patternProperties'],
  ...['unevaluatedProperties', 'unevaluatedItems', 'contains', 'minContains', 'maxContains', 'uniqueItems'],
  ...['multipleOf', 'additionalItems', '$dynamicRef', '$recursiveRef'],
]);

const MOST_DEPTH = 200;

/** Items and properties that are counted, at most. */
const MOST_COUNTED = 10_000;

/**
 * The rules of a schema's values: rule 0 is the whole. What a schema leaves open may be narrowed: properties come in the
 * order of the schema, and those that it does not name only where it says so.
 * @throws SchemaError
 */
export function schemaRules(schema: unknown): Expr[] {
  return new SchemaReader(schema).rules;
}

/** Any value at all, or any object. */
export function anyJson(kind: 'value' | 'object'): Expr[] {
  return schemaRules(kind === 'value' ? true : { type: 'object' });
}

class SchemaReader {
  readonly rules: Expr[] = [];
  readonly #root: unknown;
  readonly #references = new Map<string, number>();
  #anyValue: number | null = null;

  constructor(root: unknown) {
    this.#root = root;
    this.rules.push(seq());
    this.#references.set('#', 0);
    this.rules[0] = this.#read(root, '#', 0);
  }

  #any(): Expr {
    if (this.#anyValue === null) {
      this.#anyValue = this.rules.push(seq()) - 1;
      const any: Expr = { kind: 'rule', rule: this.#anyValue };
      this.rules[this.#anyValue] = alt(
        this.#objectOf([], any, 0, Number.POSITIVE_INFINITY),
        this.#arrayOf([], any, 0, Number.POSITIVE_INFINITY),
        jsonString(0, Number.POSITIVE_INFINITY),
        ANY_NUMBER,
        oneOf(['true', 'false', 'null']),
      );
    }
    return { kind: 'rule', rule: this.#anyValue };
  }

  #read(schema: unknown, path: string, depth: number): Expr {
    if (schema === true) return this.#any();
    if (schema === false) return alt();
    if (!isSchema(schema)) throw new SchemaError(path, 'a schema is an object, or true or false');
    if (depth > MOST_DEPTH) throw new SchemaError(path, `it goes deeper than ${MOST_DEPTH} levels`);
    const said = Object.keys(schema).filter((keyword) => !ANNOTATIONS.has(keyword));
    const unsupported = said.find((keyword) => UNSUPPORTED.has(keyword) && !saysNothing(keyword, schema[keyword]));
    if (unsupported) throw new SchemaError(`${path}/${unsupported}`, `${unsupported} is not supported; leave it out`);
    if ('$ref' in schema) {
      if (said.length === 1) return this.#reference(schema.$ref, path, depth);
      const { $ref, ...rest } = schema;
      return this.#read(merged(this.#resolve($ref, path), rest, path), path, depth + 1);
    }
    if ('allOf' in schema) {
      const { allOf, ...rest } = schema;
      const whole = listAt(allOf, `${path}/allOf`).reduce<unknown>((sum, part, index) => {
        const at = `${path}/allOf/${index}`;
        if (sum === false || part === false) return false;
        const one = part === true ? {} : this.#flat(part, at, depth);
        return merged(sum as Schema, one, at);
      }, rest);
      return this.#read(whole, path, depth + 1);
    }
    for (const keyword of ['anyOf', 'oneOf'] as const) {
      if (!(keyword in schema)) continue;
      const { [keyword]: branches, ...rest } = schema;
      const at = `${path}/${keyword}`;
      const list = listAt(branches, at);
      if (keyword === 'oneOf') this.#checkApart(list, at);
      const isAlone = Object.keys(rest).every((name) => ANNOTATIONS.has(name));
      return alt(
        ...list.map((branch, index) => {
          const where = `${at}/${index}`;
          if (isAlone || typeof branch === 'boolean')
            return this.#read(branch === true ? rest : branch, where, depth + 1);
          return this.#read(merged(rest, this.#flat(branch, where, depth), where), where, depth + 1);
        }),
      );
    }
    return this.#plain(schema, path, depth);
  }

  /** A part of allOf with what it refers to in its place. */
  #flat(part: unknown, path: string, depth: number): Schema {
    if (!isSchema(part)) throw new SchemaError(path, 'a schema is an object, or true or false');
    if (depth > MOST_DEPTH) throw new SchemaError(path, `it goes deeper than ${MOST_DEPTH} levels`);
    if (!('$ref' in part)) return part;
    const { $ref, ...rest } = part;
    return this.#flat(merged(this.#resolve($ref, path), rest, path), path, depth + 1);
  }

  #reference(reference: unknown, path: string, depth: number): Expr {
    const target = this.#resolve(reference, path);
    const name = String(reference);
    let rule = this.#references.get(name);
    if (rule === undefined) {
      rule = this.rules.push(seq()) - 1;
      this.#references.set(name, rule);
      this.rules[rule] = this.#read(target, name, depth + 1);
    }
    return { kind: 'rule', rule };
  }

  #resolve(reference: unknown, path: string): Schema {
    const at = `${path}/$ref`;
    if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference)) {
      throw new SchemaError(
        at,
        `it refers to ${JSON.stringify(reference)}; only what is in the schema itself is followed, as "#/$defs/name"`,
      );
    }
    let target: unknown = this.#root;
    for (const part of reference.split('/').slice(1)) {
      const name = decodeURIComponent(part.replace(/%(?![0-9a-f]{2})/gi, '%25'))
        .replaceAll('~1', '/')
        .replaceAll('~0', '~');
      target =
        typeof target === 'object' && target !== null && Object.hasOwn(target, name)
          ? (target as Schema)[name]
          : undefined;
    }
    if (target === true) return {};
    if (target === false) return { enum: [] };
    if (!isSchema(target)) throw new SchemaError(at, `there is no schema at ${reference}`);
    return target;
  }

  /** As exactly one may hold, no value may be of two. */
  #checkApart(branches: readonly unknown[], path: string): void {
    const flat = branches.map((branch, index) => (isSchema(branch) ? this.#flat(branch, `${path}/${index}`, 0) : {}));
    for (const [index, a] of flat.entries()) {
      for (const b of flat.slice(index + 1)) {
        if (!areApart(a, b)) {
          throw new SchemaError(
            path,
            'its branches may hold at once; tell them apart by type, or by a required property with a const, or use anyOf',
          );
        }
      }
    }
  }

  #plain(schema: Schema, path: string, depth: number): Expr {
    const types = typesIn(schema, path);
    if ('const' in schema || 'enum' in schema) return valuesOf(schema, types, path);
    // Without a type, what is said of strings means that a string is expected.
    const wanted = types ?? TYPES.filter((type) => KEYWORDS[type]?.some((keyword) => keyword in schema));
    if (types === null && wanted.length === 0) return this.#any();
    return alt(...wanted.map((type) => this.#ofType(type, schema, path, depth)));
  }

  #ofType(type: Type, schema: Schema, path: string, depth: number): Expr {
    switch (type) {
      case 'null':
        return text('null');
      case 'boolean':
        return oneOf(['true', 'false']);
      case 'string':
        return stringOf(schema, path);
      case 'integer':
      case 'number':
        return numberOf(schema, type === 'integer', path);
      case 'array':
        return this.#array(schema, path, depth);
      case 'object':
        return this.#object(schema, path, depth);
    }
  }

  #array(schema: Schema, path: string, depth: number): Expr {
    const min = countAt(schema, 'minItems', path) ?? 0;
    const max = countAt(schema, 'maxItems', path) ?? Number.POSITIVE_INFINITY;
    if (Array.isArray(schema.items)) throw new SchemaError(`${path}/items`, 'a list of schemas is named prefixItems');
    const first = schema.prefixItems === undefined ? [] : listAt(schema.prefixItems, `${path}/prefixItems`);
    const firstExprs = first.map((item, index) => this.#read(item, `${path}/prefixItems/${index}`, depth + 1));
    const item = schema.items === undefined ? this.#any() : this.#read(schema.items, `${path}/items`, depth + 1);
    return this.#arrayOf(firstExprs, item, min, max);
  }

  #arrayOf(first: readonly Expr[], further: Expr, min: number, max: number): Expr {
    if (min > max) return alt();
    const item = this.#shared(further);
    const rest = (index: number): Expr => {
      if (index === max) return seq();
      const comma = index === 0 ? '' : COMMA;
      if (index < first.length) {
        const more = seq(text(comma), first[index]!, rest(index + 1));
        return index < min ? more : optional(more);
      }
      // The first one has no comma before it.
      const least = Math.max(0, min - index);
      if (index > 0) return repeat(seq(text(comma), item), least, max - index);
      const some = seq(item, repeat(seq(text(COMMA), item), Math.max(0, least - 1), max - 1));
      return least === 0 ? optional(some) : some;
    };
    return seq(text('['), rest(0), text(']'));
  }

  #object(schema: Schema, path: string, depth: number): Expr {
    const properties = schema.properties === undefined ? {} : schema.properties;
    if (!isSchema(properties))
      throw new SchemaError(`${path}/properties`, 'it is an object, with a schema for each name');
    const required = new Set(
      schema.required === undefined ? [] : listAt(schema.required, `${path}/required`).map(String),
    );
    const min = countAt(schema, 'minProperties', path) ?? 0;
    const max = countAt(schema, 'maxProperties', path) ?? Number.POSITIVE_INFINITY;
    const names = [...new Set([...Object.keys(properties), ...required])];
    if (names.length > MOST_COUNTED) throw new SchemaError(path, `it has more than ${MOST_COUNTED} properties`);
    // Where no property is spoken of there is nothing else to write.
    const further = schema.additionalProperties ?? (schema.properties === undefined && names.length === 0);
    if (
      schema.propertyNames !== undefined &&
      further !== false &&
      !isDeepStrictEqual(schema.propertyNames, { type: 'string' })
    ) {
      throw new SchemaError(`${path}/propertyNames`, 'propertyNames is not supported; leave it out');
    }
    const fields = names.map((name) => {
      const where = `${path}/properties/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const declared = Object.hasOwn(properties, name) ? properties[name] : (schema.additionalProperties ?? true);
      const value = this.#read(declared, where, depth + 1);
      return { name, isRequired: required.has(name), pair: seq(text(JSON.stringify(name) + COLON), value) };
    });
    const rest = further === false ? null : this.#read(further, `${path}/additionalProperties`, depth + 1);
    if (min > Math.max(required.size, rest === null || names.length > 0 ? 0 : 1)) {
      throw new SchemaError(
        `${path}/minProperties`,
        'more than the required ones is not supported; require them by name',
      );
    }
    if (max < names.length || (rest !== null && names.length > 0 && max < Number.POSITIVE_INFINITY)) {
      throw new SchemaError(`${path}/maxProperties`, 'fewer than there are names is not supported; leave it out');
    }
    return this.#objectOf(fields, rest, min, max);
  }

  /** @param rest of further properties; null: there are none */
  #objectOf(
    fields: readonly { readonly name: string; readonly isRequired: boolean; readonly pair: Expr }[],
    rest: Expr | null,
    min: number,
    max: number,
  ): Expr {
    const more = rest && seq(nameExcept(fields.map(({ name }) => name)), text(COLON), rest);
    /** What comes from a field on, behind others or first; a rule for each, as both ways lead to the same end. */
    let [first, later]: [Expr, Expr] = [seq(), seq()];
    if (more !== null) {
      later = repeat(seq(text(COMMA), more), 0, max === Number.POSITIVE_INFINITY ? max : Math.max(0, max - 1));
      const some = max === 0 ? seq() : seq(more, later);
      first = min > fields.length ? some : optional(some);
    }
    for (const { isRequired, pair } of fields.toReversed()) {
      const after = this.#shared(later);
      const one = this.#shared(pair);
      const [alone, behind] = [seq(one, after), seq(text(COMMA), one, after)];
      first = isRequired ? alone : alt(alone, this.#shared(first));
      later = isRequired ? behind : alt(behind, after);
    }
    return seq(text('{'), first, text('}'));
  }

  /** The same as a rule of its own, where it is used more than once. */
  #shared(expr: Expr): Expr {
    return expr.kind === 'rule' ? expr : { kind: 'rule', rule: this.rules.push(expr) - 1 };
  }
}

function saysNothing(keyword: string, value: unknown): boolean {
  return (keyword === 'uniqueItems' && value === false) || (keyword === 'multipleOf' && value === 1);
}

function typesIn({ type }: Schema, path: string): readonly Type[] | null {
  if (type === undefined) return null;
  const types = Array.isArray(type) ? type : [type];
  const unknown = types.find((name) => !TYPES.includes(name));
  if (unknown !== undefined) {
    throw new SchemaError(`${path}/type`, `${JSON.stringify(unknown)} is no type; those are ${TYPES.join(', ')}`);
  }
  return types.includes('number') ? types.filter((name) => name !== 'integer') : types;
}

function typeOf(value: unknown): Type {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : (typeof value as Type);
}

function valuesOf(schema: Schema, types: readonly Type[] | null, path: string): Expr {
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

function stringOf(schema: Schema, path: string): Expr {
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

function numberOf(schema: Schema, isInteger: boolean, path: string): Expr {
  const bounds = ['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum'].map((keyword): Bound | null => {
    const value = schema[keyword];
    if (value === undefined) return null;
    if (typeof value !== 'number') throw new SchemaError(`${path}/${keyword}`, 'it is a number');
    return { value, open: keyword.startsWith('exclusive') };
  });
  const low = tighter(bounds[0]!, bounds[1]!, 1);
  const high = tighter(bounds[2]!, bounds[3]!, -1);
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

/** @param sign 1: the larger one counts */
function tighter(a: Bound | null, b: Bound | null, sign: number): Bound | null {
  if (a === null || b === null) return a ?? b;
  return (b.value - a.value) * sign >= 0 ? b : a;
}

function listAt(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new SchemaError(path, 'it is a list');
  return value;
}

function countAt(schema: Schema, keyword: string, path: string): number | null {
  const value = schema[keyword];
  if (value === undefined) return null;
  if (!Number.isInteger(value) || (value as number) < 0)
    throw new SchemaError(`${path}/${keyword}`, 'it is a whole number from 0');
  if ((value as number) > MOST_COUNTED && !keyword.endsWith('Length')) {
    throw new SchemaError(`${path}/${keyword}`, `${value} is more than ${MOST_COUNTED}`);
  }
  return value as number;
}

function areApart(a: Schema, b: Schema): boolean {
  const [left, right] = [kindsOf(a), kindsOf(b)];
  if (left && right && !left.some((kind) => right.includes(kind))) return true;
  const [listA, listB] = [listedIn(a), listedIn(b)];
  if (listA && listB) return !listA.some((value) => listB.some((other) => isDeepStrictEqual(value, other)));
  if (!isSchema(a.properties) || !isSchema(b.properties)) return false;
  const [ofA, ofB] = [a.properties, b.properties];
  return (
    [a, b].every(({ type }) => type === 'object') &&
    Object.keys(ofA).some((name) => {
      const isRequired = [a, b].every(({ required }) => Array.isArray(required) && required.includes(name));
      return isRequired && isSchema(ofA[name]) && isSchema(ofB[name]) && areApart(ofA[name], ofB[name]);
    })
  );
}

/** Numbers are one kind, as an integer is both. */
function kindsOf(schema: Schema): unknown[] | null {
  const types = schema.type === undefined ? listedIn(schema)?.map(typeOf) : schema.type;
  if (types === undefined) return null;
  return (Array.isArray(types) ? types : [types]).map((type) => (type === 'integer' ? 'number' : type));
}

function listedIn(schema: Schema): readonly unknown[] | null {
  if ('const' in schema) return [schema.const];
  return Array.isArray(schema.enum) ? schema.enum : null;
}
