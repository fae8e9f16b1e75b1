/** What is asked of the gateway, over a pool: passed on in the words of its servers, or refused by name. */
import t, { type Test } from 'tap';
import type { UpstreamSettings } from '../../../src/upstream/settings.js';
import { BASE, startUpstream } from '../../fixtures/upstream/upstream.js';
import { startVllm } from '../../fixtures/upstream/vllm.js';
import { bearer, createTestServer } from '../../http/fakes.js';

const city = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const tools = [{ type: 'function', function: { name: 'get_weather', parameters: city } }];
const jsonSchema = { type: 'json_schema', json_schema: { name: 'place', schema: city } };

async function setUp(t: Test, dialect: UpstreamSettings['dialect']) {
  const server = await startVllm(t);
  const { upstream } = await startUpstream(t, [server], { dialect });
  const gateway = await createTestServer({ engine: upstream });
  t.teardown(() => gateway.app.close());
  const messages = [{ role: 'user', content: 'Where?' }];
  const ask = async (body: object) => {
    const payload = { model: BASE.id, messages, ...body };
    return gateway.app.inject({ method: 'POST', url: '/v1/chat/completions', headers: bearer(), payload });
  };
  return { ...gateway, server, ask };
}

t.test('vllm: each choice is a request of its own, with its seed and what it is bound to', async (t) => {
  const { server, ask } = await setUp(t, 'vllm');
  server.behave({ tokens: ['{"city": ', '"Oslo"}'] });
  const answer = (await ask({ n: 3, seed: 5, response_format: jsonSchema, max_tokens: 9 })).json();
  t.same(
    answer.choices.map(({ index, message }: { index: number; message: { content: string } }) => [
      index,
      message.content,
    ]),
    [0, 1, 2].map((index) => [index, '{"city": "Oslo"}']),
  );
  t.match(answer.usage, { completion_tokens: 9, total_tokens: answer.usage.prompt_tokens + 9 });
  t.same(
    server.requests.map(({ seed, structured_outputs: bound, max_tokens: limit }) => ({ seed, bound, limit })),
    [5, 6, 7].map((seed) => ({ seed, bound: { json: JSON.stringify(city) }, limit: 9 })),
  );
  const salts = new Set(server.requests.map(({ cache_salt: salt }) => salt));
  t.equal(salts.size, 1, 'they share what is cached of their prompt');
});

t.test('vllm: calls are asked for by structural tags, and read from what comes', async (t) => {
  const { server, tokenizer, ask } = await setUp(t, 'vllm');
  server.behave({ tokens: ['<tool_call>\n{"name": "get_weather", "arguments": {"city": ', '"Oslo"}}\n</tool_call>'] });
  const called = { function: { name: 'get_weather', arguments: '{"city": "Oslo"}' } };
  const { choices } = (await ask({ tools, tool_choice: 'required', n: 2 })).json();
  t.match(
    choices,
    [0, 1].map(() => ({ finish_reason: 'tool_calls', message: { tool_calls: [called] } })),
  );
  const { structured_outputs: bound } = server.requests[0] as { structured_outputs: { structural_tag: string } };
  t.match(JSON.parse(bound.structural_tag), { format: { type: 'tags_with_separator', at_least_one: true } });
  t.notOk('skip_special_tokens' in server.requests[0]!, 'the marks are ordinary text of this vocabulary');
  tokenizer.format = { ...tokenizer.format, specials: ['<tool_call>'] };
  await ask({ tools });
  t.equal(server.requests.at(-1)!.skip_special_tokens, false);
});

t.test('openai: what the API of all has no word for is refused by name, and costs no server anything', async (t) => {
  const { server, tokenizer, ask } = await setUp(t, 'openai');
  const refused: [body: object, param: string][] = [
    [{ response_format: jsonSchema }, 'response_format.json_schema.schema'],
    [{ response_format: { type: 'json_object' }, n: 2 }, 'response_format'],
    [{ structured_outputs: { regex: 'a+' } }, 'structured_outputs.regex'],
    [{ tools, tool_choice: 'required' }, 'tool_choice'],
    [{ tools: [{ ...tools[0], function: { ...tools[0]!.function, strict: true } }] }, 'tools.strict'],
    [{ logprobs: true }, 'logprobs'],
    [{ top_k: 3 }, 'top_k'],
  ];
  for (const [body, param] of refused) {
    const response = await ask(body);
    t.match([response.statusCode, response.json().error], [400, { code: 'unsupported_parameter', param }]);
  }
  tokenizer.format = { calls: 'mistral', thoughts: 'none', specials: ['[TOOL_CALLS]'] };
  t.match((await ask({ tools })).json().error, { code: 'unsupported_parameter', param: 'tools' });
  t.same(server.requests, []);
  tokenizer.format = { calls: 'mistral', thoughts: 'none', specials: [] };
  t.equal((await ask({ tools, n: 2 })).json().choices.length, 2);
});
