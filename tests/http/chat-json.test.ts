import t from 'tap';
import { BASE, bearer, createTestServer, passage } from './fakes.js';

const chat = (body: object, headers: object = {}) => ({
  method: 'POST' as const,
  url: '/v1/chat/completions',
  headers: { ...bearer(), ...headers },
  payload: { model: 'assistant', messages: [{ role: 'user', content: 'What is the fee?' }], ...body },
});

t.test('an answer has the shape of OpenAI, and its headers tell which version gave it', async (t) => {
  const { app, registry } = await createTestServer();
  t.teardown(() => app.close());
  const response = await app.inject(chat({ retrieval: { enabled: false } }));
  t.equal(response.statusCode, 200);
  const body = response.json();
  t.match(body, {
    id: /^chatcmpl-[0-9a-f]{32}$/,
    object: 'chat.completion',
    model: 'assistant@1',
    system_fingerprint: 'fp_bbbbbbbbbbbb',
    choices: [
      { index: 0, message: { role: 'assistant', content: 'Hello world', refusal: null }, finish_reason: 'stop' },
    ],
    usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 },
  });
  t.equal(body.choices[0].logprobs, null);
  t.notOk('context' in body.choices[0].message, 'there is no context where nothing was searched');
  t.ok(Math.abs(body.created - Date.now() / 1000) < 60);
  t.match(response.headers, {
    'x-adapter': 'support@1',
    'x-adapter-digest': '1'.repeat(64),
    'x-canary-arm': 'stable',
    'x-request-id': String,
  });
  t.match(registry.answers, [{ id: body.id, outcome: 'completed', adapter: 'support@1', completionTokens: 2 }]);
  t.equal(registry.answers[0]?.requestId, response.headers['x-request-id']);
});

t.test('citations point at the passages that were given, and at no others', async (t) => {
  const { app, engine, retrieval, registry } = await createTestServer();
  t.teardown(() => app.close());
  retrieval.passages.set('bank', [passage('fees', 'The fee is 5 EUR.', 0.9), passage('cards', 'Cards are free.', 0.5)]);
  engine.answer(['The fee is 5 EUR [1]', ', cards are free [2], see [3].']);
  const { choices } = (await app.inject(chat({}))).json();
  const { message } = choices[0];
  const citation = (name: string, index: number) => ({
    type: 'url_citation',
    url_citation: {
      start_index: index,
      end_index: index + 3,
      url: `/v1/files/file-${name}/content`,
      title: `Fees › ${name}`,
    },
    file_citation: { index, file_id: `file-${name}`, filename: `${name}.md`, location: null },
  });
  t.same(message.annotations, [citation('fees', 17), citation('cards', 37)]);
  for (const { file_citation } of message.annotations) t.match(message.content.slice(file_citation.index), /^\[\d]/);
  t.same(message.context.citations, [
    {
      marker: '[1]',
      content: 'The fee is 5 EUR.',
      title: 'Fees › fees',
      url: null,
      filepath: 'fees.md',
      chunk_id: 'fees',
      file_id: 'file-fees',
      location: null,
    },
    {
      marker: '[2]',
      content: 'Cards are free.',
      title: 'Fees › cards',
      url: null,
      filepath: 'cards.md',
      chunk_id: 'cards',
      file_id: 'file-cards',
      location: null,
    },
  ]);
  t.match(registry.answers[0], {
    passages: [
      { id: 'fees', score: 0.9 },
      { id: 'cards', score: 0.5 },
    ],
  });
  t.equal(registry.answers[0]?.storeSnapshot, 'snapshot-1');
  t.match(registry.answers[0], {
    finishReason: 'stop',
    cachedTokens: 3,
    retrievalMs: Number,
    queueMs: 1,
    prefillMs: 2,
    decodeMs: 3,
  });
});

t.test('parameters reach the engine with their meaning, and defaults where they are left out', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  await app.inject(chat({}));
  await app.inject(
    chat({
      temperature: 0.7,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.05,
      repetition_penalty: 1.1,
      presence_penalty: 0.5,
      frequency_penalty: -0.5,
      seed: 42,
      logit_bias: { 7: -100 },
      stop: 'END',
      max_tokens: 5,
      max_completion_tokens: 6,
      logprobs: true,
      top_logprobs: 2,
    }),
  );
  const [plain, full] = engine.requests;
  t.same(plain?.sampling, {
    temperature: 0,
    topP: 1,
    topK: 0,
    minP: 0,
    repetitionPenalty: 1,
    presencePenalty: 0,
    frequencyPenalty: 0,
    seed: null,
    logitBias: {},
  });
  t.match(plain, { maxTokens: null, stop: [], topLogprobs: null, tenant: 'bank', adapter: { digest: '1'.repeat(64) } });
  t.same(full?.sampling, {
    temperature: 0.7,
    topP: 0.9,
    topK: 40,
    minP: 0.05,
    repetitionPenalty: 1.1,
    presencePenalty: 0.5,
    frequencyPenalty: -0.5,
    seed: 42,
    logitBias: { 7: -100 },
  });
  t.match(full, { maxTokens: 6, stop: ['END'], topLogprobs: 2 });
});

t.test('flex processing gets what other requests leave; every other tier is served alike', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  const tiers = [undefined, null, 'auto', 'default', 'priority', 'flex'];
  for (const service_tier of tiers) {
    t.equal((await app.inject(chat({ service_tier }))).statusCode, 200, `tier ${service_tier}`);
  }
  const completion = { model: 'assistant', prompt: 'Once upon', service_tier: 'flex' };
  await app.inject({ method: 'POST', url: '/v1/completions', headers: bearer(), payload: completion });
  t.same(
    engine.requests.map(({ priority }) => priority),
    [...new Array(5).fill('interactive'), 'batch', 'batch'],
  );
});

t.test('a null parameter counts as left out, as in the API of OpenAI', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  const response = await app.inject(chat({ temperature: null, stop: null, tools: null, seed: null, n: null }));
  t.equal(response.statusCode, 200);
  t.equal(engine.requests[0]?.sampling.seed, null);
});

t.test('log probabilities come for each token, with as many alternatives as were asked for', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const { choices } = (await app.inject(chat({ logprobs: true, top_logprobs: 2 }))).json();
  const { content } = choices[0].logprobs;
  t.equal(content.length, 2);
  t.same(content[0].top_logprobs.length, 2);
  t.match(content[0], { token: 'Hello', logprob: -0.5, bytes: [...Buffer.from('Hello')] });
});

t.test('content in text parts is read, and a whole message of ours can be sent back', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  const first = (await app.inject(chat({}))).json();
  const response = await app.inject(
    chat({
      messages: [
        { role: 'developer', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'one' },
            { type: 'text', text: 'two' },
          ],
        },
        first.choices[0].message,
        { role: 'user', content: 'And then?' },
      ],
      retrieval: { enabled: false },
    }),
  );
  t.equal(response.statusCode, 200);
  const prompt = engine.requests[1]?.prompt;
  t.same(prompt, {
    kind: 'chat',
    messages: [
      { role: 'system', content: 'You help.\nBe brief.', ours: [[0, 9]] },
      { role: 'user', content: 'one\ntwo' },
      { role: 'assistant', content: 'Hello world' },
      { role: 'user', content: 'And then?' },
    ],
  });
});

t.test('an answer cut by max_tokens says so', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const body = (await app.inject(chat({ max_tokens: 1 }))).json();
  t.equal(body.choices[0].finish_reason, 'length');
  t.equal(body.usage.completion_tokens, 1);
});

t.test('the base model answers bare: no adapter, no instructions, no passages', async (t) => {
  const { app, engine, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  const response = await app.inject(chat({ model: BASE }));
  t.equal(response.json().model, BASE);
  t.equal(response.headers['x-canary-arm'], 'base');
  t.notOk('x-adapter' in response.headers);
  t.equal(engine.requests[0]?.adapter, null);
  t.same(engine.requests[0]?.prompt, { kind: 'chat', messages: [{ role: 'user', content: 'What is the fee?' }] });
  t.equal(retrieval.searches.length, 0);
});
