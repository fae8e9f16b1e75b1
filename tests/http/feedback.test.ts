import t from 'tap';
import { bearer, createTestServer, KEY_WITHOUT_ROUTE, OTHER_KEY } from './fakes.js';

t.test('an answer can be rated by its tenant, and the rating is counted for the version that gave it', async (t) => {
  const { app, registry, metrics } = await createTestServer();
  t.teardown(() => app.close());
  const answer = await app.inject({
    method: 'POST',
    url: '/v1/chat/completions',
    headers: { ...bearer(), 'x-canary': 'always' },
    payload: { model: 'assistant', messages: [{ role: 'user', content: 'Hi' }] },
  });
  const { id } = answer.json();
  const rate = (payload: object, key?: string) =>
    app.inject({ method: 'POST', url: '/v1/feedback', headers: bearer(key), payload });

  t.same((await rate({ answer_id: id, rating: 'down', comment: 'Wrong fee.' })).json(), {
    object: 'feedback',
    answer_id: id,
    completion_id: id,
    rating: 'down',
  });
  t.same(registry.feedback, [
    {
      tenant: 'bank',
      keyId: 'key-1',
      answerId: id,
      rating: 'down',
      score: null,
      categories: [],
      comment: 'Wrong fee.',
      correction: null,
    },
  ]);
  const labels = 'tenant="bank",deployment="assistant",adapter="support@2",arm="canary",rating="down"';
  t.match(await metrics.render(), `switchyard_feedback_total{${labels}} 1`);

  t.equal((await rate({ answer_id: id, rating: 'up' }, OTHER_KEY)).statusCode, 404);
  t.equal((await rate({ answer_id: 'chatcmpl-none', rating: 'up' })).statusCode, 404);
  t.equal((await rate({ answer_id: id, rating: 'sideways' })).json().error.param, 'rating');
  t.equal((await rate({ rating: 'up' })).json().error.param, 'answer_id');
  t.equal(registry.feedback.length, 1);

  await rate({ answer_id: id, rating: 'down' });
  await rate({ answer_id: id, rating: 'up' });
  await rate({ answer_id: id, rating: 'up' }, KEY_WITHOUT_ROUTE);
  const text = await metrics.render();
  t.match(text, `switchyard_feedback_total{${labels}} 1`, 'three ratings of one caller count once');
  t.match(text, `switchyard_feedback_total{${labels.replace('down', 'up')}} 1`, 'another caller counts too');
});

t.test('a better answer is given with the conversation that it answers', async (t) => {
  const { app, registry } = await createTestServer();
  t.teardown(() => app.close());
  const { id } = (
    await app.inject({
      method: 'POST',
      url: '/v1/chat/completions',
      headers: bearer(),
      payload: { model: 'assistant', messages: [{ role: 'user', content: 'Hi' }] },
    })
  ).json();
  const send = (payload: object) =>
    app.inject({ method: 'POST', url: '/v1/feedback', headers: bearer(), payload: { answer_id: id, ...payload } });
  const messages = [{ role: 'user', content: 'What is the fee?' }];
  const sent = await send({ score: 0.5, categories: ['incomplete'], corrected_answer: 'It is £5.', messages });
  t.match(sent.json(), { object: 'feedback', rating: null });
  t.match(registry.feedback, [
    { score: 0.5, categories: ['incomplete'], correction: { messages, answer: 'It is £5.' }, rating: null },
  ]);
  t.match((await send({ corrected_answer: 'It is £5.' })).json().error, { param: 'corrected_answer' });
  t.match((await send({ messages })).json().error, { param: 'messages' });
  t.match((await send({ categories: ['boring'] })).json().error, { param: 'categories[0]' });
});

t.test('an answer of each API is named as that API calls it, and once', async (t) => {
  const { app, registry } = await createTestServer();
  t.teardown(() => app.close());
  const post = async (url: string, payload: object) =>
    (await app.inject({ method: 'POST', url, headers: bearer(), payload })).json();
  const messages = [{ role: 'user', content: 'Hi' }];
  const chat = await post('/v1/chat/completions', { model: 'assistant', messages });
  const response = await post('/v1/responses', { model: 'assistant', input: 'Hi', store: false });
  const message = await post('/v1/messages', { model: 'assistant', messages, max_tokens: 9 });
  for (const [name, { id }] of [
    ['answer_id', chat],
    ['id', chat],
    ['completion_id', chat],
    ['response_id', response],
    ['message_id', message],
    ['answer_id', message],
  ] as const) {
    t.match(await post('/v1/feedback', { [name]: id, rating: 'up' }), { answer_id: id, completion_id: id }, name);
    t.equal(registry.feedback.at(-1)?.answerId, id);
  }
  t.match(await post('/v1/feedback', { id: chat.id, answer_id: chat.id, score: 1 }), { answer_id: chat.id });
  t.match((await post('/v1/feedback', { answer_id: chat.id, response_id: response.id, rating: 'up' })).error, {
    param: 'response_id',
    message: /another one than answer_id/,
  });
});
