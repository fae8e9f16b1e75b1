import t from 'tap';
import { bearer, createFakeEngine, createTestServer, passage, readEvents } from './fakes.js';

async function createInfillServer(options: { contextTokens?: number } = {}) {
  const server = await createTestServer({ engine: createFakeEngine({ supportsInfill: true, ...options }) });
  const post = (url: string, payload: object) => server.app.inject({ method: 'POST', url, headers: bearer(), payload });
  return { ...server, post };
}

t.test('llama.cpp clients get the middle in its shape, from the base model', async (t) => {
  const { app, engine, post } = await createInfillServer();
  t.teardown(() => app.close());
  const response = await post('/infill', {
    input_prefix: 'function f() {\n',
    prompt: '  return ',
    input_suffix: '\n}\n',
    input_extra: [{ filename: 'b.js', text: 'b' }, { text: 'c' }],
    n_predict: 5,
    top_k: 40,
    stop: ['\n\n'],
    // Settings of llama.cpp's server.
    cache_prompt: true,
    samplers: ['top_k'],
    t_max_predict_ms: 500,
  });
  t.equal(response.statusCode, 200);
  t.equal(response.headers['x-ignored-parameters'], 'cache_prompt, samplers, t_max_predict_ms');
  t.match(response.json(), {
    content: 'Hello world',
    stop: true,
    stop_type: 'eos',
    model: 'base-model',
    tokens_evaluated: 7,
    tokens_predicted: 2,
  });
  t.match(engine.requests[0], {
    adapter: null,
    maxTokens: 5,
    stop: ['\n\n'],
    sampling: { temperature: 0, topK: 40, seed: null },
    prompt: {
      kind: 'infill',
      prefix: 'function f() {\n  return ',
      suffix: '\n}\n',
      files: [
        { path: 'b.js', text: 'b' },
        { path: 'unnamed', text: 'c' },
      ],
    },
  });
});

t.test('it streams in that shape too, and a deployment may fill in', async (t) => {
  const { app, engine, post } = await createInfillServer();
  t.teardown(() => app.close());
  const response = await post('/infill', { input_prefix: 'a', input_suffix: 'b', stream: true, model: 'assistant' });
  t.match(readEvents(response.body), [
    { content: 'Hello', stop: false },
    { content: ' world', stop: false },
    { content: '', stop: true, model: 'assistant@1', tokens_predicted: 2 },
    '[DONE]',
  ]);
  t.match(engine.requests[0]?.adapter, { digest: '1'.repeat(64) });
});

t.test('a prompt that is to be computed ahead shows nothing of the one token that it takes', async (t) => {
  const { app, engine, post } = await createInfillServer();
  t.teardown(() => app.close());
  const body = { input_prefix: 'a', input_suffix: 'b', n_predict: 0 };
  t.equal((await post('/infill', body)).json().content, '');
  t.equal(engine.requests[0]?.maxTokens, 1);
  t.match(readEvents((await post('/infill', { ...body, stream: true })).body), [{ content: '', stop: true }, '[DONE]']);
  await post('/infill', { ...body, n_predict: -1 });
  t.equal(engine.requests.at(-1)?.maxTokens, null);
});

t.test('a base model without the tokens refuses', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const payload = { input_prefix: 'a', input_suffix: 'b' };
  const response = await app.inject({ method: 'POST', url: '/infill', headers: bearer(), payload });
  t.match(response.json().error, { code: 'infill_not_supported' });
});

t.test('passages come before the code where the request asks for them, and never by the policy alone', async (t) => {
  const { app, engine, retrieval, registry, post } = await createInfillServer();
  t.teardown(() => app.close());
  retrieval.passages.set('bank', [passage('best', 'reply.send(x)', 0.9), passage('second', 'reply.code(1)', 0.5)]);
  const body = { model: 'assistant', prompt: 'const a = 1\n// sends\nrep', suffix: '\n' };
  await post('/v1/completions', body);
  t.equal(retrieval.searches.length, 0);

  const response = await post('/v1/completions', { ...body, retrieval: { top_k: 2 } });
  t.equal(response.statusCode, 200);
  t.match(retrieval.searches, [{ tenant: 'bank', query: 'const a = 1\n// sends', topK: 2 }]);
  t.match(engine.requests.at(-1)?.prompt, {
    files: [
      { path: 'Fees › second', text: 'reply.code(1)' },
      { path: 'Fees › best', text: 'reply.send(x)' },
    ],
  });
  t.match(registry.answers.at(-1), { outcome: 'completed' });
  const refused = await post('/v1/completions', { model: 'assistant', prompt: 'a', retrieval: {} });
  t.match(refused.json().error, { code: 'invalid_value', param: 'retrieval' });
});

t.test('files that find no room are left out from the first on', async (t) => {
  const { app, engine, post } = await createInfillServer({ contextTokens: 100 });
  t.teardown(() => app.close());
  const text = 'word '.repeat(20);
  const extra = ['far', 'middle', 'near'].map((filename) => ({ filename, text }));
  await post('/infill', { input_prefix: 'a', input_suffix: 'b', input_extra: extra, n_predict: 10 });
  const { prompt } = engine.requests[0]!;
  t.same(prompt.kind === 'infill' && prompt.files.map(({ path }) => path), ['middle', 'near']);
});

t.test("a raw prompt that writes the model's tokens for a middle is one, and any other is not", async (t) => {
  const { app, engine, post } = await createInfillServer();
  t.teardown(() => app.close());
  await post('/v1/completions', { model: 'base-model', prompt: '<pre>a<suf>b<mid>' });
  t.same(engine.requests.at(-1)!.prompt, { kind: 'infill', prefix: 'a', suffix: 'b', files: [] });
  await post('/v1/completions', { model: 'base-model', prompt: '<suf>b<pre>a<mid>' });
  t.same(engine.requests.at(-1)!.prompt, { kind: 'text', text: '<suf>b<pre>a<mid>' });
});
