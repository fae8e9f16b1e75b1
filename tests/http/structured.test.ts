import type { AddressInfo } from 'node:net';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import t from 'tap';
import { z } from 'zod';
import { compileGrammar } from '../../src/engine/grammar/compile.js';
import { bearer, createTestServer } from './fakes.js';

const messages = [{ role: 'user' as const, content: 'Which card?' }];
const param = 'response_format.json_schema.schema';

async function setUp(t: { teardown: (end: () => Promise<void>) => void }) {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  const post = (body: object, url = '/v1/chat/completions') =>
    app.inject({ method: 'POST', url, headers: bearer(), payload: { model: 'assistant', ...body } });
  return { app, engine, post };
}

t.test('the official client parses an answer by the zod schema that it was asked with', async (t) => {
  const { app, engine } = await setUp(t);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const client = new OpenAI({ apiKey: bearer().authorization.slice(7), baseURL: `http://127.0.0.1:${port}/v1` });
  engine.answer(['{"card": "gold", ', '"fee": 5}']);
  const Card = z.object({ card: z.enum(['gold', 'basic']), fee: z.number().int().nullable() });
  const { choices } = await client.chat.completions.parse({
    model: 'assistant',
    messages,
    response_format: zodResponseFormat(Card, 'card'),
  });
  t.same(choices[0]?.message.parsed, { card: 'gold', fee: 5 });
  const { grammar } = engine.requests[0]!;
  t.match(grammar, { kind: 'json_schema', param });
  const schema = JSON.parse((grammar as { schema: string }).schema);
  t.match(schema, { type: 'object', required: ['card', 'fee'], additionalProperties: false });
  t.doesNotThrow(() => compileGrammar(grammar!), 'and the engine knows what to do with it');
});

t.test('what an answer is bound to has one meaning, by whatever name it is asked for', async (t) => {
  const { engine, post } = await setUp(t);
  const schema = { type: 'object', properties: { a: { type: 'null' } } };
  const text = JSON.stringify(schema);
  const same: [body: object, grammar: object | null][] = [
    [{ response_format: { type: 'text' } }, null],
    [{ response_format: { type: 'json_object' } }, { kind: 'json' }],
    [{ response_format: { type: 'json_schema', json_schema: { name: 'x' } } }, { kind: 'json' }],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'x', schema, strict: true } } },
      { kind: 'json_schema', schema: text, param },
    ],
    [{ structured_outputs: { json: schema } }, { kind: 'json_schema', schema: text, param: 'structured_outputs.json' }],
    [{ structured_outputs: { json: text } }, { kind: 'json_schema', schema: text, param: 'structured_outputs.json' }],
    [{ structured_outputs: { json_object: true } }, { kind: 'json' }],
    [{ structured_outputs: { regex: 'a+' } }, { kind: 'regex', pattern: 'a+', param: 'structured_outputs.regex' }],
    [
      { structured_outputs: { choice: ['a', 'b'] } },
      { kind: 'choice', choices: ['a', 'b'], param: 'structured_outputs.choice' },
    ],
    [
      { structured_outputs: { grammar: 'root ::= "a"' } },
      { kind: 'ebnf', grammar: 'root ::= "a"', param: 'structured_outputs.grammar' },
    ],
    [{ guided_json: schema }, { kind: 'json_schema', schema: text, param: 'guided_json' }],
    [{ guided_regex: 'a+' }, { kind: 'regex', pattern: 'a+', param: 'guided_regex' }],
    [{ guided_choice: ['a'] }, { kind: 'choice', choices: ['a'], param: 'guided_choice' }],
    [{ guided_grammar: 'root ::= "a"' }, { kind: 'ebnf', grammar: 'root ::= "a"', param: 'guided_grammar' }],
  ];
  for (const [body, grammar] of same) {
    t.equal((await post({ messages, ...body })).statusCode, 200);
    t.same(engine.requests.at(-1)!.grammar, grammar);
    t.equal((await post({ prompt: 'Which card?', ...body }, '/v1/completions')).statusCode, 200);
    t.same(engine.requests.at(-1)!.grammar, grammar);
  }
});

t.test('two things at once, or half of one, are refused by name', async (t) => {
  const { post } = await setUp(t);
  const refused: [body: object, param: string][] = [
    [{ response_format: { type: 'json_object' }, structured_outputs: { regex: 'a' } }, 'structured_outputs.regex'],
    [{ structured_outputs: { regex: 'a', choice: ['a'] } }, 'structured_outputs.choice'],
    [{ structured_outputs: { choice: [] } }, 'structured_outputs.choice'],
    [{ guided_json: '{' }, 'guided_json'],
    [{ structured_outputs: { whitespace_pattern: ' ' } }, 'structured_outputs.whitespace_pattern'],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
    [{ response_format: { type: 'xml' } }, 'response_format.type'],
  ];
  for (const [body, name] of refused) {
    const response = await post({ messages, ...body });
    t.equal(response.statusCode, 400);
    t.equal(response.json().error.param, name, response.json().error.message);
  }
});
