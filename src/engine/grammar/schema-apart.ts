import { isDeepStrictEqual } from 'node:util';
import { isSchema, type Schema } from './schema-merge.js';
import { typeOf } from './schema-values.js';

/** Whether it is plain that no value is of both. */
export function areApart(a: Schema, b: Schema): boolean {
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
