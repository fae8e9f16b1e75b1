/** What clients send beside a plain question: each has its effect, or is named. */
import t from 'tap';
import { bearer, createTestServer } from './fakes.js';

const user = { role: 'user', content: 'What is the fee?' };
const chat = (body: object) => ({
  method: 'POST' as const,
  url: '/v1/chat/completions',
  headers: bearer(),
  payload: { model: 'plain', messages: [user], ...body },
});

t.test('null stands for "not given" at any depth', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  const response = await app.inject(
    chat({
      stream: true,
      stream_options: { include_usage: null },
      retrieval: { enabled: null, top_k: null, store_id: null },
      tools: [],
      metadata: { conversation_id: null },
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Hi', cache_control: null }], name: null },
        { role: 'assistant', content: null, refusal: null, tool_calls: null },
        user,
      ],
    }),
  );
  t.equal(response.statusCode, 200, response.body);
  t.notOk('x-ignored-parameters' in response.headers);
  const { prompt } = engine.requests[0]!;
  t.match(prompt, { messages: [{ role: 'system' }, { content: 'Hi' }, { role: 'assistant', content: '' }, user] });
});

t.test('a body that nests deeper than the stack is refused like any other', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const payload = `{"model": "plain", "messages": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  const response = await app.inject({
    ...chat({}),
    headers: { ...bearer(), 'content-type': 'application/json' },
    payload,
  });
  t.equal(response.statusCode, 400);
  t.match(response.json().error.code, /^invalid_/);
});

t.test('a system message alone is answered, and is what is searched for', async (t) => {
  const { app, engine, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  const messages = [{ role: 'system', content: 'Name the fee.' }];
  t.equal((await app.inject(chat({ model: 'assistant', messages }))).statusCode, 200);
  t.match(retrieval.searches, [{ query: 'Name the fee.' }]);
  t.match(engine.requests[0]?.prompt, { messages: [{ role: 'system', content: /Name the fee\./ }] });
});

t.test('who speaks is told to the model', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  const messages = [
    { role: 'user', name: 'Anna', content: 'One.' },
    { role: 'user', name: 'Björn', content: [{ type: 'text', text: 'Two.' }] },
  ];
  t.equal((await app.inject(chat({ messages }))).statusCode, 200);
  t.same(engine.requests[0]?.prompt, {
    kind: 'chat',
    messages: [
      { role: 'user', content: 'Anna: One.' },
      { role: 'user', content: 'Björn: Two.' },
    ],
  });
});

t.test('top_p 0, and as many stops as tool emulators send', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  const stop = Array.from({ length: 16 }, (_, index) => `<stop${index}>`);
  t.equal((await app.inject(chat({ top_p: 0, stop }))).statusCode, 200);
  t.equal(engine.requests[0]?.sampling.topP, 0);
  t.same(engine.requests[0]?.stop, stop);
});

t.test('tool_choice says whether a search that is offered happens', async (t) => {
  const { app, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  const tools = [{ type: 'file_search' }];
  const functions = [{ type: 'function', function: { name: 'f', parameters: {} } }];
  const cases: [object, number][] = [
    [{}, 0],
    [{ tool_choice: 'none' }, 0],
    [{ tool_choice: 'none', model: 'assistant' }, 1],
    [{ tool_choice: 'auto', tools }, 1],
    [{ tool_choice: 'required', tools }, 1],
    [{ tool_choice: { type: 'file_search' }, tools }, 1],
    [{ tool_choice: 'none', tools }, 0],
    [{ tool_choice: 'none', tools, model: 'assistant' }, 0],
    [{ tool_choice: 'none', tools: functions, model: 'assistant' }, 1],
  ];
  for (const [body, searches] of cases) {
    retrieval.searches.length = 0;
    const response = await app.inject(chat(body));
    t.equal(response.statusCode, 200, `${JSON.stringify(body)} ${response.body}`);
    t.equal(retrieval.searches.length, searches, JSON.stringify(body));
  }
});

t.test('what is accepted without effect is named in a header', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const ignored = async (body: object) =>
    (await app.inject(chat(body))).headers['x-ignored-parameters']?.toString().split(', ');
  t.equal(await ignored({}), undefined);
  t.same(
    await ignored({
      store: true,
      parallel_tool_calls: true,
      prediction: { type: 'content', content: 'x' },
      prompt_cache_retention: '24h',
      metadata: { conversation_id: 'c', ticket: '5' },
      messages: [{ ...user, cache_control: { type: 'ephemeral' }, 'naïve\nname': 1 }],
    }),
    [
      'store',
      'prompt_cache_retention',
      'parallel_tool_calls',
      'prediction',
      'metadata.ticket',
      'messages[0].cache_control',
      'messages[0].na?ve?name',
    ],
  );
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`m${index}`, 'x']));
  t.equal((await ignored({ metadata: many }))?.length, 20);
  const embedding = { model: 'embedder', input: 'x', user: 'u' };
  const response = await app.inject({ method: 'POST', url: '/v1/embeddings', headers: bearer(), payload: embedding });
  t.equal(response.headers['x-ignored-parameters'], 'user');
});

t.test('usage says how much of the prompt was found in the cache', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const expected = { prompt_tokens: 7, prompt_tokens_details: { cached_tokens: 3 } };
  t.match((await app.inject(chat({}))).json().usage, expected);
  const completion = { model: 'plain', prompt: 'x' };
  const response = await app.inject({ method: 'POST', url: '/v1/completions', headers: bearer(), payload: completion });
  t.match(response.json().usage, expected);
});

t.test('what a request leaves out is as its deployment says, and what it asks for goes first', async (t) => {
  const { app, engine, registry } = await createTestServer();
  t.teardown(() => app.close());
  const generation = { temperature: 0.7, presencePenalty: 0.5, maxTokens: 33 };
  registry.deployments[1] = { ...registry.deployments[1]!, generation };
  await app.inject(chat({}));
  t.match(engine.requests.at(-1), {
    maxTokens: 33,
    sampling: { temperature: 0.7, presencePenalty: 0.5, topP: 1, seed: null, logitBias: {} },
  });
  await app.inject(chat({ temperature: 0, max_tokens: 5, top_p: 0.9 }));
  t.match(engine.requests.at(-1), { maxTokens: 5, sampling: { temperature: 0, presencePenalty: 0.5, topP: 0.9 } });
  const payload = { model: 'plain', input: 'What is the fee?', top_p: 0.9, store: false };
  const response = await app.inject({ method: 'POST', url: '/v1/responses', headers: bearer(), payload });
  t.match(response.json(), { temperature: 0.7, top_p: 0.9, presence_penalty: 0.5, max_output_tokens: 33 });
  registry.deployments[1] = { ...registry.deployments[1]!, generation: {} };
  await app.inject(chat({}));
  t.match(engine.requests.at(-1), { maxTokens: null, sampling: { temperature: 0, presencePenalty: 0 } });
});
