/** What an answer is bound to, as OpenAI and as vLLM say it: one meaning, whatever its name. */
import { type Static, Type } from 'typebox';
import type { GrammarSpec } from '../../../contracts/grammar.js';
import { AppError } from '../../../errors/app-error.js';

const Schema = Type.Union([Type.Object({}), Type.String(), Type.Boolean()], {
  description: 'A JSON Schema, or its text.',
});
const Choice = Type.Array(Type.String(), { minItems: 1, maxItems: 100_000 });

export const structuredFields = {
  response_format: Type.Optional(
    Type.Object(
      {
        type: Type.Enum(['text', 'json_object', 'json_schema']),
        json_schema: Type.Optional(
          Type.Object({
            name: Type.Optional(Type.String({ maxLength: 64 })),
            description: Type.Optional(Type.String()),
            schema: Type.Optional(Type.Object({})),
            strict: Type.Optional(
              Type.Union([Type.Boolean(), Type.Null()], { description: 'The schema is kept to either way.' }),
            ),
          }),
        ),
      },
      { additionalProperties: false, description: 'An answer that max_tokens does not cut is such a JSON text.' },
    ),
  ),
  structured_outputs: Type.Optional(
    Type.Object(
      {
        json: Type.Optional(Schema),
        json_object: Type.Optional(Type.Boolean()),
        regex: Type.Optional(Type.String({ description: 'The whole answer matches it.' })),
        choice: Type.Optional(Choice),
        grammar: Type.Optional(Type.String({ description: 'GBNF; its rule root is the answer.' })),
      },
      { additionalProperties: false, description: 'Extension, as vLLM has it: one of these.' },
    ),
  ),
  guided_json: Type.Optional(Schema),
  guided_regex: Type.Optional(Type.String()),
  guided_choice: Type.Optional(Choice),
  guided_grammar: Type.Optional(Type.String({ description: 'Like all `guided_`: the older name.' })),
};

const StructuredBody = Type.Object(structuredFields);
type StructuredBody = Static<typeof StructuredBody>;

/** @throws AppError `invalid_value` */
export function toGrammar(body: StructuredBody): GrammarSpec | null {
  const { json, json_object: anyObject, regex, choice, grammar } = body.structured_outputs ?? {};
  const asked = [
    ofResponseFormat(body.response_format),
    ofSchema(json, 'structured_outputs.json'),
    anyObject ? ({ kind: 'json' } as const) : null,
    ofSchema(body.guided_json, 'guided_json'),
    ...named(regex, 'structured_outputs.regex', body.guided_regex, 'guided_regex', (pattern, param) => {
      return { kind: 'regex', pattern, param };
    }),
    ...named(choice, 'structured_outputs.choice', body.guided_choice, 'guided_choice', (choices, param) => {
      return { kind: 'choice', choices, param };
    }),
    ...named(grammar, 'structured_outputs.grammar', body.guided_grammar, 'guided_grammar', (source, param) => {
      return { kind: 'ebnf', grammar: source, param };
    }),
  ].filter((spec) => spec !== null);
  const [first, second] = asked;
  if (second !== undefined) {
    const param = 'param' in second ? second.param : 'structured_outputs';
    throw new AppError('invalid_value', { param, reason: 'an answer is bound to one thing only; leave out the other' });
  }
  return first ?? null;
}

function ofResponseFormat(format: StructuredBody['response_format']): GrammarSpec | null {
  if (format === undefined || format.type === 'text') return null;
  if (format.type === 'json_object') return { kind: 'json' };
  const param = 'response_format.json_schema';
  if (format.json_schema === undefined) {
    throw new AppError('invalid_value', { param, reason: 'is required where type is json_schema' });
  }
  const { schema } = format.json_schema;
  if (schema === undefined) return { kind: 'json' };
  return { kind: 'json_schema', schema: JSON.stringify(schema), param: `${param}.schema` };
}

function ofSchema(schema: Static<typeof Schema> | undefined, param: string): GrammarSpec | null {
  if (schema === undefined) return null;
  const text = typeof schema === 'string' ? schema : JSON.stringify(schema);
  if (!isJson(text)) throw new AppError('invalid_value', { param, reason: 'is no JSON; send the schema as an object' });
  return { kind: 'json_schema', schema: text, param };
}

function named<T>(
  value: T | undefined,
  name: string,
  older: T | undefined,
  olderName: string,
  toSpec: (value: T, param: string) => GrammarSpec,
): GrammarSpec[] {
  return [
    ...(value === undefined ? [] : [toSpec(value, name)]),
    ...(older === undefined ? [] : [toSpec(older, olderName)]),
  ];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
