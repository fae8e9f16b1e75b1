/**
 * What coding assistants send and what they read of the answer. Continue (packages/openai-adapters and core/autocomplete of
 * continuedev/continue) and Cline (src/core/api/providers/openai.ts of cline/cline) both use OpenAI's client.
 */
import OpenAI from 'openai';
import t, { type Test } from 'tap';
import { createFakeEngine, createTestServer, KEY } from './fakes.js';

async function setUp(t: Test) {
  const server = await createTestServer({ engine: createFakeEngine({ supportsInfill: true }) });
  t.teardown(() => server.app.close());
  const address = await server.app.listen({ port: 0 });
  const ignored: (string | null)[] = [];
  const client = new OpenAI({
    apiKey: KEY,
    baseURL: `${address}/v1/`,
    maxRetries: 0,
    // Continue adds the headers of Azure and of Anthropic to every request.
    defaultHeaders: { 'api-key': KEY, 'x-api-key': KEY, 'HTTP-Referer': 'https://editor.example', 'X-Title': 'Editor' },
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      ignored.push(response.headers.get('x-ignored-parameters'));
      return response;
    },
  });
  return { ...server, client, ignored };
}

t.test('Cline: a system prompt, turns in parts, and usage behind the last delta', async (t) => {
  const { client, engine, ignored } = await setUp(t);
  const part = (text: string) => ({ type: 'text' as const, text });
  const body = {
    model: 'assistant',
    messages: [
      { role: 'system', content: 'You are Cline.' },
      { role: 'user', content: [part('<task>Fix it</task>'), part('<environment_details/>')] },
      // Anthropic's blocks as OpenAI's messages: members that are undefined are not sent, of others it keeps some.
      { role: 'assistant', content: 'Shall I?', tool_calls: undefined, reasoning_details: undefined },
      { role: 'user', content: [part('[ask_followup_question] Result:'), part('<answer>\nyes\n</answer>')] },
    ],
    temperature: 0,
    max_tokens: undefined,
    reasoning_effort: undefined,
    stream: true,
    stream_options: { include_usage: true },
    tools: undefined,
  } as OpenAI.ChatCompletionCreateParamsStreaming;
  let [text, usage]: [string, OpenAI.CompletionUsage | null] = ['', null];
  for await (const chunk of await client.chat.completions.create(body)) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  t.equal(text, 'Hello world');
  t.match(usage, { prompt_tokens: 7, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 3 } });
  t.same(ignored, [null]);
  const { prompt } = engine.requests[0]!;
  t.match(prompt.kind === 'chat' && prompt.messages.map(({ content }) => content), [
    'You are Cline.',
    '<task>Fix it</task>\n<environment_details/>',
    'Shall I?',
    '[ask_followup_question] Result:\n<answer>\nyes\n</answer>',
  ]);
});

t.test('Cline: a turn with tools, and a prompt that is cached with them', async (t) => {
  const { client, engine } = await setUp(t);
  const parameters = { type: 'object', properties: { path: { type: 'string' } } };
  const call = {
    id: 'call_1',
    type: 'function' as const,
    function: { name: 'read_file', arguments: '{"path": "a.ts"}' },
  };
  engine.answer(['{"name": "read_file",', ' "arguments": {"path": "a.ts"}}']);
  const stream = client.chat.completions.stream({
    model: 'assistant',
    messages: [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'text' }] },
    ],
    tools: [{ type: 'function', function: { name: 'read_file', description: 'Reads.', strict: false, parameters } }],
    tool_choice: 'auto',
    parallel_tool_calls: false,
  });
  const { message, finish_reason: reason } = (await stream.finalChatCompletion()).choices[0]!;
  t.equal(reason, 'tool_calls');
  t.match(message.tool_calls, [{ function: { name: 'read_file', arguments: '{"path": "a.ts"}' } }]);
});

t.test('Continue: a chat with the options that its configuration has', async (t) => {
  const { client, engine, ignored } = await setUp(t);
  const body = {
    model: 'assistant',
    messages: [
      { role: 'system', content: 'You are in chat mode.' },
      { role: 'user', content: '```ts src/app.ts (1-3)\nconst a = 1;\n```\nWhat is a?' },
      // It replaces empty content, which another server refuses.
      { role: 'assistant', content: ' ' },
      { role: 'user', content: 'And?' },
    ],
    max_tokens: 4096 / 16,
    temperature: 0.2,
    top_p: 0.9,
    frequency_penalty: 0,
    presence_penalty: 0,
    stop: ['<|im_end|>', '<|endoftext|>'],
    stream: true,
    stream_options: { include_usage: true },
    parallel_tool_calls: false,
    prediction: { type: 'content', content: 'const a = 1;' },
  } as OpenAI.ChatCompletionCreateParamsStreaming;
  let text = '';
  for await (const { choices } of await client.chat.completions.create(body)) text += choices[0]?.delta.content ?? '';
  t.equal(text, 'Hello world');
  t.same(ignored, ['parallel_tool_calls, prediction']);
  t.match(engine.requests[0], { maxTokens: 256, sampling: { temperature: 0.2, topP: 0.9 }, stop: body.stop });
});

t.test('Continue: what is typed is completed from a prompt, with the stops of a template and of its own', async (t) => {
  const { client, engine } = await setUp(t);
  const markers = ['endoftext', 'fim_prefix', 'fim_middle', 'fim_suffix', 'fim_pad', 'repo_name', 'file_sep'];
  const stop = [
    ...[...markers, 'im_start', 'im_end'].map((name) => `<|${name}|>`),
    ...['\n\n', '\r\n\r\n', '/src/', '#- coding: utf-8', '```'],
  ];
  const body = {
    model: 'assistant',
    prompt: 'const answer = ',
    suffix: ';\n',
    max_tokens: 64,
    temperature: 0.01,
    stop,
  };
  let text = '';
  const stream = await client.completions.create({ ...body, stream: true });
  for await (const { choices } of stream) text += choices[0]?.text ?? '';
  t.equal(text, 'Hello world');
  t.match(engine.requests[0], {
    prompt: { kind: 'infill', prefix: 'const answer = ', suffix: ';\n' },
    stop,
    maxTokens: 64,
  });
});

t.test('Continue: its index embeds passages in batches, as numbers or packed', async (t) => {
  const { client } = await setUp(t);
  const input = ['const a = 1;', 'const b = 2;'];
  const packed = await client.embeddings.create({ model: 'embedder', input });
  const plain = await client.embeddings.create({ model: 'embedder', input, encoding_format: 'float' });
  t.same(packed.data, plain.data);
  t.equal(packed.data.length, 2);
  t.ok((await client.models.list()).data.some(({ id }) => id === 'assistant'));
});
