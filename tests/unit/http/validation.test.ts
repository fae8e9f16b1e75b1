import t from 'tap';
import { type TSchema, Type } from 'typebox';
import { compileValidator, dropNulls, toValidationError } from '../../../src/http/plugins/validation.js';

const schema = Type.Object(
  {
    count: Type.Optional(Type.Integer({ maximum: 2 })),
    mode: Type.Optional(Type.Enum(['a', 'b'])),
    stop: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String({ minLength: 1 }))])),
    list: Type.Optional(Type.Array(Type.Object({ deep: Type.Object({ name: Type.String() }) }))),
    id: Type.String(),
  },
  { additionalProperties: false },
);

function problem(value: unknown, of: TSchema = schema) {
  const validate = compileValidator({ schema: of, method: 'POST', url: '/', httpPart: 'body' });
  const result = validate(value) as { error: Parameters<typeof toValidationError>[0] };
  const { code, params } = toValidationError(result.error, 'body');
  return [code, params.param, params.reason];
}

t.test('the error names the field, as deep as it is, and what it may be', async (t) => {
  const id = 'x';
  t.same(problem(5), ['invalid_value', 'body', 'must be object']);
  t.same(problem({}), ['invalid_value', 'id', 'is required']);
  t.same(problem({ id, count: 3 }), ['invalid_value', 'count', 'must be <= 2']);
  t.same(problem({ id, mode: 'c' }), ['invalid_value', 'mode', 'must be one of a, b']);
  t.same(problem({ id, extra: 1 }), ['unsupported_parameter', 'extra', 'it is not known here']);
  t.same(problem({ id, list: [{ deep: { name: 'x' } }, { deep: {} }] }), [
    'invalid_value',
    'list[1].deep.name',
    'is required',
  ]);
});

t.test('of a union, the branch that was meant is the one that complains', async (t) => {
  t.same(problem({ id: 'x', stop: 5 }), ['invalid_value', 'stop', 'must be string or array']);
  t.match(problem({ id: 'x', stop: ['a', ''] }), ['invalid_value', 'stop[1]', /fewer than 1/]);
  const numbers = Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 });
  const lists = Type.Object({ of: Type.Union([Type.Array(Type.String()), numbers, Type.Array(numbers)]) });
  t.match(problem({ of: [1, -2] }, lists), ['invalid_value', 'of[1]', />= 0/]);
  t.match(problem({ of: [[1], []] }, lists), ['invalid_value', 'of[1]', /fewer than 1/]);
});

t.test('members lose their nulls at any depth, lists keep theirs', async (t) => {
  const body = { a: null, b: 0, c: { d: null }, e: [null] };
  dropNulls(body);
  t.same(body, { b: 0, c: {}, e: [null] });
  const values = {
    schema: { enum: [null], const: null, title: null },
    call: { input: { a: null } },
    input: [{ b: null }],
  };
  dropNulls(values);
  const left = { schema: { enum: [null], const: null }, call: { input: { a: null } }, input: [{}] };
  t.same(values, left, 'but for those that are values');
  for (const other of [null, 5, 'x', [null]]) t.doesNotThrow(() => dropNulls(other));
});
