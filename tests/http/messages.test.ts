import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import t, { type Test } from 'tap';
import { z } from 'zod';
import { bearer, createTestServer, KEY, OTHER_KEY, passage } from './fakes.js';

const QUESTION = { role: 'user' as const, content: 'What is the fee?' };
const REQUEST = { model: 'assistant', max_tokens: 16, messages: [QUESTION] };

async function open(t: Test) {
  const server = await createTestServer();
  t.teardown(() => server.app.close());
  const baseURL = await server.app.listen({ port: 0 });
  const client = (apiKey = KEY) => new Anthropic({ apiKey, baseURL, maxRetries: 0 });
  const post = async (payload: object, path = '') =>
    server.app.inject({ method: 'POST', url: `/v1/messages${path}`, headers: bearer(), payload });
  return { ...server, client, post };
}

t.test('Anthropic: an answer in one piece, with its version and its tokens', async (t) => {
  const { client, registry } = await open(t);
  const { data, response } = await client().messages.create(REQUEST).withResponse();
  t.match(data, {
    id: /^msg_[0-9a-f]{32}$/,
    type: 'message',
    role: 'assistant',
    model: 'assistant@1',
    content: [{ type: 'text', text: 'Hello world', citations: null }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 4, cache_read_input_tokens: 3, output_tokens: 2 },
  });
  t.equal(response.headers.get('x-adapter'), 'support@1');
  t.equal(response.headers.get('request-id'), response.headers.get('x-request-id'));
  t.match(registry.answers, [{ id: data.id, outcome: 'completed' }]);
  t.equal((await client().messages.create({ ...REQUEST, max_tokens: 1 })).stop_reason, 'max_tokens');
});

t.test('Anthropic: the streamed answer is the same', async (t) => {
  const { client, post } = await open(t);
  const whole = await client().messages.create(REQUEST);
  const stream = client().messages.stream(REQUEST);
  let text = '';
  stream.on('text', (piece) => {
    text += piece;
  });
  const final = await stream.finalMessage();
  t.equal(text, 'Hello world');
  t.match(final, { ...whole, id: /^msg_/ });
  const { body } = await post({ ...REQUEST, stream: true });
  t.same(
    [...body.matchAll(/^event: (.*)$/gm)].map(([, name]) => name),
    [
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ],
  );
});

t.test('system, blocks, calls and results reach the model in their order; what has no effect is named', async (t) => {
  const { engine, post } = await open(t);
  const response = await post({
    ...REQUEST,
    model: 'plain',
    system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
    messages: [
      QUESTION,
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Let me see.', signature: '' },
          { type: 'text', text: 'I look it up.' },
          { type: 'tool_use', id: 'toolu_1', name: 'fees', input: { of: 'transfer', to: null } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: '5 EUR' }] },
          { type: 'text', text: 'And now?' },
        ],
      },
    ],
    tools: [{ name: 'fees', input_schema: { type: 'object' } }],
    stop_sequences: ['END'],
    temperature: 0.5,
    metadata: { user_id: 'anna' },
  });
  t.equal(response.statusCode, 200, response.body);
  t.match(engine.requests[0], {
    prompt: {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'What is the fee?' },
        {
          role: 'assistant',
          content: 'I look it up.',
          toolCalls: [{ id: 'toolu_1', name: 'fees', arguments: '{"of":"transfer","to":null}' }],
        },
        { role: 'tool', toolCallId: 'toolu_1', content: '5 EUR' },
        { role: 'user', content: 'And now?' },
      ],
      tools: [{ name: 'fees', description: '', parameters: { type: 'object' }, strict: false }],
    },
    maxTokens: 16,
    stop: ['END'],
    sampling: { temperature: 0.5 },
  });
  t.equal(response.headers['x-ignored-parameters'], 'system.cache_control, messages[1].content[0]');
});

t.test('Anthropic: an answer is parsed by the schema that it was asked with', async (t) => {
  const { client, engine } = await open(t);
  engine.answer(['{"card": "gold", ', '"fee": 5}']);
  const format = zodOutputFormat(z.object({ card: z.enum(['gold', 'basic']), fee: z.number() }));
  const { parsed_output: parsed } = await client().messages.parse({ ...REQUEST, output_config: { format } });
  t.same(parsed, { card: 'gold', fee: 5 });
  const { grammar } = engine.requests[0]!;
  t.match(grammar, { kind: 'json_schema', param: 'output_config.format.schema' });
  t.match(JSON.parse((grammar as { schema: string }).schema), { required: ['card', 'fee'] });
});

t.test('Anthropic: its runner calls tools until the model answers', async (t) => {
  const { client, engine } = await open(t);
  engine.answer(['<tool_call>\n{"name": "fees", "arguments": {"of": "transfer"}}\n</tool_call>']);
  const fees = betaZodTool({
    name: 'fees',
    description: 'Tells a fee.',
    inputSchema: z.object({ of: z.string() }),
    run: ({ of }) => {
      engine.answer(['It is 5 EUR.']);
      return `5 EUR for a ${of}`;
    },
  });
  const last = await client().beta.messages.toolRunner({ ...REQUEST, model: 'plain', max_tokens: 64, tools: [fees] });
  t.match(last.content, [{ type: 'text', text: 'It is 5 EUR.' }]);
  t.match(engine.requests[1]!.prompt, {
    messages: [QUESTION, { toolCalls: [{ name: 'fees' }] }, { role: 'tool', content: '5 EUR for a transfer' }],
  });
});

t.test('a passage that the text names is cited, in one piece and in a stream', async (t) => {
  const { client, engine, retrieval } = await open(t);
  retrieval.passages.set('bank', [passage('fees', 'The fee is 5 EUR.', 0.9), passage('cards', 'Cards.', 0.5)]);
  engine.answer(['It is 5 EUR', ' [1].']);
  const whole = await client().messages.create(REQUEST);
  const citation = {
    type: 'search_result_location',
    cited_text: 'The fee is 5 EUR.',
    title: 'Fees › fees',
    source: '/v1/files/file-fees/content',
    search_result_index: 0,
    start_block_index: 0,
    end_block_index: 1,
  };
  t.same(whole.content, [{ type: 'text', text: 'It is 5 EUR [1].', citations: [citation] }]);
  const streamed = await client().messages.stream(REQUEST).finalMessage();
  t.match(streamed.content, whole.content);
});

t.test('tokens are counted with the instructions of the deployment', async (t) => {
  const { client } = await open(t);
  const { input_tokens } = await client().messages.countTokens({ model: 'assistant', messages: [QUESTION] });
  t.equal(input_tokens, 4 + 8 + 3 + 8);
});

t.test('errors arrive as the classes of the client, in the envelope of Anthropic', async (t) => {
  const { client, app, post } = await open(t);
  const refused = async (call: Promise<unknown>, kind: abstract new (...args: never[]) => Error, type: string) => {
    const error = await call.then(
      () => null,
      (reason: unknown) => reason,
    );
    t.ok(error instanceof kind, `${kind.name}: ${error}`);
    t.match(error, { error: { type: 'error', error: { type }, request_id: String } });
  };
  await refused(client('sk-unknown').messages.create(REQUEST), Anthropic.AuthenticationError, 'authentication_error');
  await refused(client(OTHER_KEY).messages.create(REQUEST), Anthropic.NotFoundError, 'not_found_error');
  const many = { ...REQUEST, temperature: 5 };
  await refused(client().messages.create(many), Anthropic.BadRequestError, 'invalid_request_error');
  const image = { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } };
  const cases: [object, RegExp][] = [
    [{ max_tokens: undefined }, /max_tokens: is required/],
    [{ messages: [{ role: 'user', content: [image] }] }, /messages\[0\]\.content\[0\].*image cannot be read/],
    [{ messages: [QUESTION, { role: 'assistant', content: 'It is' }] }, /messages\[1\]\.role/],
    [{ tool_choice: { type: 'any' } }, /tool_choice: needs tools/],
    [{ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, /tools\[0\]\.type: must be one of custom/],
    [{ thinking: { type: 'enabled', budget_tokens: 1024 } }, /thinking is not supported/],
    [{ output_config: { effort: 'low' } }, /output_config\.effort is not supported/],
    [{ foo: 1 }, /foo is not supported/],
  ];
  for (const [change, message] of cases) {
    const response = await post({ ...REQUEST, ...change });
    t.equal(response.statusCode, 400, response.body);
    t.match(response.json(), { type: 'error', error: { type: 'invalid_request_error', message } });
  }
  const version = await app.inject({
    method: 'POST',
    url: '/v1/messages',
    headers: { ...bearer(), 'anthropic-version': 'newest' },
    payload: REQUEST,
  });
  t.equal(version.statusCode, 400);
});
