import t from 'tap';
import { bearer, createFakeEngine, createTestServer, readEvents } from './fakes.js';

interface Chunk {
  choices: { logprobs: { text_offset: number[] } }[];
}

const complete = (body: object) => ({
  method: 'POST' as const,
  url: '/v1/completions',
  headers: bearer(),
  payload: { model: 'assistant', prompt: 'Once upon', ...body },
});

t.test('a text is continued as it is: no template, no instructions, no passages', async (t) => {
  const { app, engine, retrieval, registry } = await createTestServer();
  t.teardown(() => app.close());
  const response = await app.inject(complete({}));
  t.match(response.json(), {
    id: /^cmpl-/,
    object: 'text_completion',
    model: 'assistant@1',
    choices: [{ index: 0, text: 'Hello world', logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 },
  });
  t.equal(response.headers['x-adapter'], 'support@1');
  t.same(engine.requests[0]?.prompt, { kind: 'text', text: 'Once upon' });
  t.equal(engine.requests[0]?.maxTokens, 16, "OpenAI's default");
  t.equal(retrieval.searches.length, 0);
  t.match(registry.answers, [{ id: response.json().id, outcome: 'completed' }]);
});

t.test('a prompt is one text or the token ids of one', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  const cases: [unknown, object][] = [
    ['a', { kind: 'text', text: 'a' }],
    [['a'], { kind: 'text', text: 'a' }],
    [[5, 6], { kind: 'tokens', ids: [5, 6] }],
    [[[5, 6]], { kind: 'tokens', ids: [5, 6] }],
  ];
  for (const [prompt, expected] of cases) {
    t.equal((await app.inject(complete({ prompt }))).statusCode, 200, JSON.stringify(prompt));
    t.same(engine.requests.at(-1)?.prompt, expected, JSON.stringify(prompt));
  }
  for (const prompt of [['a', 'b'], [], [[]], [1.5], 5, { text: 'a' }]) {
    const response = await app.inject(complete({ prompt }));
    t.equal(response.statusCode, 400, JSON.stringify(prompt));
    t.match(response.json().error, { code: 'invalid_value', param: /^prompt/ }, JSON.stringify(prompt));
  }
});

t.test('a suffix fills in the middle where the base model can, and is refused where it cannot', async (t) => {
  const able = await createTestServer({ engine: createFakeEngine({ supportsInfill: true }) });
  t.teardown(() => able.app.close());
  await able.app.inject(complete({ suffix: 'ever after' }));
  t.same(able.engine.requests[0]?.prompt, { kind: 'infill', prefix: 'Once upon', suffix: 'ever after', files: [] });
  t.match((await able.app.inject(complete({ prompt: [1], suffix: 'x' }))).json().error, { param: 'suffix' });

  const unable = await createTestServer();
  t.teardown(() => unable.app.close());
  const response = await unable.app.inject(complete({ suffix: 'ever after' }));
  t.equal(response.statusCode, 400);
  t.match(response.json().error, { code: 'infill_not_supported', param: 'suffix' });
});

t.test('what OpenAI has and this cannot do is refused by name', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  for (const body of [{ echo: true }, { best_of: 3 }, { colour: 'red' }]) {
    const [param] = Object.keys(body);
    const response = await app.inject(complete(body));
    t.match(response.json().error, { code: 'unsupported_parameter', param });
  }
  t.equal((await app.inject(complete({ echo: false, n: 1, best_of: 1 }))).statusCode, 200);
});

t.test('log probabilities have the older shape, with offsets into the text', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const expected = { tokens: ['Hello', ' world'], token_logprobs: [-0.5, -0.5], text_offset: [0, 5] };
  const whole = (await app.inject(complete({ logprobs: 1 }))).json().choices[0].logprobs;
  t.match(whole, { ...expected, top_logprobs: [{ Hello: -0.5 }, { ' world': -0.5 }] });

  const chunks = readEvents((await app.inject(complete({ logprobs: 0, stream: true }))).body).slice(0, 2);
  const offsets = chunks.flatMap((chunk) => (chunk as Chunk).choices[0]!.logprobs.text_offset);
  t.same(offsets, expected.text_offset);
});

t.test('a stream of text ends with the reason, the usage where asked for, and [DONE]', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const response = await app.inject(complete({ stream: true, stream_options: { include_usage: true } }));
  const events = readEvents(response.body);
  t.match(events, [
    { object: 'text_completion', choices: [{ text: 'Hello', finish_reason: null }], usage: null },
    { choices: [{ text: ' world', finish_reason: null }] },
    { choices: [{ text: '', finish_reason: 'stop' }], usage: null },
    { choices: [], usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } },
    '[DONE]',
  ]);
  t.equal(events.length, 5);
});
