/** Functions that the caller runs: what it sends, and what the model writes, in the shape of OpenAI. */
import OpenAI from 'openai';
import t, { type Test } from 'tap';
import { bearer, createTestServer, KEY, readEvents } from './fakes.js';

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const weather = { type: 'function' as const, function: { name: 'get_weather', description: 'Tells it.', parameters } };
const time = { type: 'function' as const, function: { name: 'get_time', parameters } };
const user = { role: 'user' as const, content: 'What is the weather?' };
const callText = (name: string, city: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": {"city": "${city}"}}\n</tool_call>`;
/** One token a sign. */
const signs = (text: string) => [...text];
const chat = (body: object) => ({
  method: 'POST' as const,
  url: '/v1/chat/completions',
  headers: bearer(),
  payload: { model: 'plain', messages: [user], tools: [weather, time], ...body },
});

async function listen(t: Test) {
  const server = await createTestServer();
  const address = await server.app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => server.app.close());
  return { ...server, baseURL: `${address}/v1` };
}

t.test('an answer that asks for calls has them, and no content', async (t) => {
  const { app, engine, registry, quality } = await createTestServer();
  t.teardown(() => app.close());
  engine.answer(signs(`${callText('get_weather', 'Oslo')}\n${callText('get_time', 'Rome')}`));
  const { choices } = (await app.inject(chat({}))).json();
  t.match(choices, [
    { index: 0, message: { role: 'assistant', content: null, refusal: null }, finish_reason: 'tool_calls' },
  ]);
  const { tool_calls: calls } = choices[0].message;
  t.match(calls, [
    { id: /^call_\w{32}$/, type: 'function', function: { name: 'get_weather', arguments: '{"city": "Oslo"}' } },
    { id: /^call_/, type: 'function', function: { name: 'get_time', arguments: '{"city": "Rome"}' } },
  ]);
  t.not(calls[0].id, calls[1].id);
  const { prompt, grammar } = engine.requests[0]!;
  t.match(prompt, {
    tools: [{ name: 'get_weather', description: 'Tells it.', parameters, strict: false }, { name: 'get_time' }],
  });
  t.equal(grammar, null);
  t.match(registry.answers, [{ finishReason: 'tool_calls', outcome: 'completed' }]);
  await quality.close();
  t.same(registry.signals, [], 'what asks for calls is no answer that could be judged');
});

t.test('a stream has the id and the name first, then the arguments in pieces', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  engine.answer([
    'I look.',
    '\n<tool',
    '_call>{"name": "get_weather", "arguments": ',
    '{"city": ',
    '"Oslo"}}',
    '</tool_call>',
  ]);
  const events = readEvents((await app.inject(chat({ stream: true }))).body) as {
    choices: { delta: object; finish_reason: string }[];
  }[];
  const deltas = events.slice(0, -1).map(({ choices }) => choices[0]!.delta);
  t.match(deltas[2], {
    tool_calls: [{ index: 0, id: /^call_/, type: 'function', function: { name: 'get_weather', arguments: '' } }],
  });
  t.same(
    deltas
      .map((delta) => ('tool_calls' in delta ? (delta.tool_calls as object[])[0] : delta))
      .filter((delta) => !('id' in delta!)),
    [
      { role: 'assistant', content: '' },
      { content: 'I look.' },
      { index: 0, function: { arguments: '{"city": ' } },
      { index: 0, function: { arguments: '"Oslo"}' } },
      { content: '' },
    ],
  );
  t.equal(events.at(-2)!.choices[0]!.finish_reason, 'tool_calls');
});

t.test('what is no call of a function that there is, is text', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  for (const text of [callText('get_rate', 'Oslo'), '<tool_call>oops</tool_call>', '{"city": "Oslo"}']) {
    engine.answer(signs(text));
    t.match((await app.inject(chat({}))).json().choices, [{ message: { content: text }, finish_reason: 'stop' }]);
  }
  engine.answer(signs(callText('get_weather', 'Oslo')));
  const without = (await app.inject(chat({ tools: undefined }))).json();
  t.match(
    without.choices,
    [{ message: { content: callText('get_weather', 'Oslo') } }],
    'nor is any where none was offered',
  );
  const none = await app.inject(chat({ tool_choice: 'none' }));
  t.match(none.json().choices, [{ finish_reason: 'stop' }]);
  t.notOk('tools' in engine.requests.at(-1)!.prompt);
});

t.test('parallel_tool_calls: false ends the answer behind the first call', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  const first = callText('get_weather', 'Oslo');
  engine.answer([...signs(`${first}\n${callText('get_time', 'Rome')}`), { wait: new Promise(() => {}) }]);
  const { choices, usage } = (await app.inject(chat({ parallel_tool_calls: false }))).json();
  t.equal(choices[0].message.tool_calls.length, 1);
  t.equal(choices[0].finish_reason, 'tool_calls');
  t.ok(usage.completion_tokens <= first.length, 'and its slot is free');
  t.equal(engine.active(), 0);
});

t.test('tool_choice and strict bind the answer to calls that can be made', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  const strict = { ...weather, function: { ...weather.function, strict: true } };
  const grammarFor = async (body: object) => {
    t.equal((await app.inject(chat(body))).statusCode, 200, JSON.stringify(body));
    const { grammar } = engine.requests.at(-1)!;
    return grammar?.kind === 'structural_tag' ? grammar.tag : grammar;
  };
  const tag = (name: string) => ({ begin: `<tool_call>\n{"name": "${name}", "arguments": `, end: '}\n</tool_call>' });
  t.match(await grammarFor({ tool_choice: 'required' }), {
    type: 'tags_with_separator',
    tags: [{ ...tag('get_weather'), schema: JSON.stringify(parameters) }, tag('get_time')],
    stopAfterFirst: false,
  });
  const named = await grammarFor({ tool_choice: { type: 'function', function: { name: 'get_time' } } });
  t.match(named, { type: 'tags_with_separator', tags: [tag('get_time')] });
  t.match(await grammarFor({ tools: [strict, time], parallel_tool_calls: false }), {
    type: 'triggered_tags',
    triggers: ['<tool_call>\n{"name": "'],
    tags: [
      { ...tag('get_weather'), schema: JSON.stringify(parameters) },
      { ...tag('get_time'), schema: '{"type":"object"}' },
    ],
    stopAfterFirst: true,
  });
  engine.answer(signs('{"name": "get_weather", "arguments": {"city": "Oslo"}}'));
  t.match((await app.inject(chat({ tools: [strict] }))).json().choices, [{ finish_reason: 'tool_calls' }]);
  engine.answer(signs('{"name": "get_weather", "arguments": {"town": 5}}'));
  t.match(
    (await app.inject(chat({ tools: [strict] }))).json().choices,
    [{ finish_reason: 'stop' }],
    'without marks it is checked',
  );
});

t.test('calls and their results reach the model, whole and in order', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  const call = (id: string, name: string) => ({
    id,
    type: 'function',
    function: { name, arguments: '{"city": "Oslo"}' },
  });
  const asked = { role: 'assistant', content: null, tool_calls: [call('a', 'get_weather'), call('b', 'get_time')] };
  const result = (id: string, content: unknown = 'Rain') => ({
    role: 'tool',
    tool_call_id: id,
    content,
    name: 'get_weather',
  });
  const messages = [
    user,
    asked,
    result('b', [{ type: 'text', text: 'Noon' }]),
    result('a'),
    { role: 'user', content: 'And?' },
  ];
  t.equal((await app.inject(chat({ messages }))).statusCode, 200);
  t.match(engine.requests[0]!.prompt, {
    messages: [
      user,
      {
        role: 'assistant',
        content: '',
        toolCalls: [{ id: 'a', name: 'get_weather', arguments: '{"city": "Oslo"}' }, { id: 'b' }],
      },
      { role: 'tool', content: 'Noon', toolCallId: 'b' },
      { role: 'tool', content: 'Rain', toolCallId: 'a' },
      { role: 'user', content: 'And?' },
    ],
  });
  const wrong: [object[], string][] = [
    [[user, asked], 'messages[1].tool_calls'],
    [[user, asked, result('a')], 'messages[1].tool_calls'],
    [[user, asked, result('a'), user, result('b')], 'messages[1].tool_calls'],
    [[user, asked, result('a'), result('b'), result('b')], 'messages[4].tool_call_id'],
    [[user, result('a')], 'messages[1].tool_call_id'],
    [[user, { role: 'tool', content: 'x' }], 'messages[1].tool_call_id'],
    [[{ ...user, tool_calls: asked.tool_calls }], 'messages[0].tool_calls'],
    [[user, { ...asked, tool_calls: [call('a', 'f'), call('a', 'f')] }, result('a')], 'messages[1].tool_calls'],
  ];
  for (const [messages, param] of wrong) {
    const response = await app.inject(chat({ messages }));
    t.match(
      [response.statusCode, response.json().error],
      [400, { code: 'invalid_value', param }],
      JSON.stringify(messages),
    );
  }
});

t.test('thoughts are beside the answer, in one piece and in a stream', async (t) => {
  const { app, engine, tokenizer } = await createTestServer();
  t.teardown(() => app.close());
  tokenizer.format = { calls: 'hermes', thoughts: 'tagged', specials: ['<think>', '</think>', '<s>'] };
  engine.answer(signs('<think>\nHm.\n</think>\n\nRain.'));
  const { message } = (await app.inject(chat({}))).json().choices[0];
  t.match(message, { content: 'Rain.', reasoning_content: 'Hm.' });
  t.same(engine.requests[0]!.shown, ['<think>', '</think>']);
  const quiet = { stream: true, chat_template_kwargs: { enable_thinking: true } };
  const events = readEvents((await app.inject(chat(quiet))).body) as {
    choices: { delta: Record<string, string> }[];
  }[];
  const joined = (name: string) =>
    events
      .slice(0, -1)
      .map(({ choices }) => choices[0]!.delta[name] ?? '')
      .join('');
  t.equal(joined('reasoning_content'), 'Hm.');
  t.equal(joined('content'), 'Rain.');
});

t.test('openai: the loop of its own example, streamed', async (t) => {
  const { engine, baseURL } = await listen(t);
  const client = new OpenAI({ apiKey: KEY, baseURL, maxRetries: 0 });
  engine.answer(signs(callText('get_weather', 'Oslo')));
  const runner = client.chat.completions.runTools({
    model: 'plain',
    stream: true,
    messages: [user],
    tools: [
      {
        type: 'function',
        function: {
          ...weather.function,
          parse: JSON.parse,
          function: async ({ city }: { city: string }) => {
            engine.answer(['It rains.']);
            return `Rain in ${city}`;
          },
        },
      },
    ],
  });
  t.equal(await runner.finalContent(), 'It rains.');
  t.match(engine.requests[1]!.prompt, {
    messages: [user, { role: 'assistant' }, { role: 'tool', content: 'Rain in Oslo' }],
  });
});
