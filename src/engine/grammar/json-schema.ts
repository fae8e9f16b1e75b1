import { isDeepStrictEqual } from 'node:util';
import { alt, type Expr, oneOf, seq, text } from './expr.js';
import { arrayOf, objectOf } from './json-containers.js';
import { COLON, jsonString } from './json-text.js';
import { ANY_NUMBER } from './numbers.js';
import { areApart } from './schema-apart.js';
import { ANNOTATIONS, isSchema, merged, type Schema, SchemaError } from './schema-merge.js';
import {
  countAt,
  KEYWORDS,
  listAt,
  MOST_COUNTED,
  numberOf,
  stringOf,
  TYPES,
  type Type,
  typesIn,
  valuesOf,
} from './schema-values.js';

/** In JSON Schema these say something about a value, and here they are not understood. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  ...['not', 'if', 'then', 'else', 'dependentSchemas', 'dependentRequired', 'dependencies', 'patternProperties'],
  ...['unevaluatedProperties', 'unevaluatedItems', 'contains', 'minContains', 'maxContains', 'uniqueItems'],
  ...['additionalItems', '$dynamicRef', '$recursiveRef'],
]);

const MOST_DEPTH = 200;

/**
 * The rules of a schema's values: rule 0 is the whole. What a schema leaves open may be narrowed: properties come in the
 * order of the schema, and those that it does not name only where it says so.
 * @throws SchemaError
 */
export function schemaRules(schema: unknown): Expr[] {
  return new SchemaReader(schema).rules;
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
        objectOf(this.#share, [], any, 0, Number.POSITIVE_INFINITY),
        arrayOf(this.#share, [], any, 0, Number.POSITIVE_INFINITY),
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
    return arrayOf(this.#share, firstExprs, item, min, max);
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
    return objectOf(this.#share, fields, rest, min, max);
  }

  /** The same as a rule of its own, where it is used more than once. */
  readonly #share = (expr: Expr): Expr =>
    expr.kind === 'rule' ? expr : { kind: 'rule', rule: this.rules.push(expr) - 1 };
}

function saysNothing(keyword: string, value: unknown): boolean {
  return keyword === 'uniqueItems' && value === false;
}
