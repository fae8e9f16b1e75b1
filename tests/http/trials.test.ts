import t from 'tap';
import { createTestServer, passage } from './fakes.js';

const none = new AbortController().signal;
const request = {
  principal: { tenant: 'bank', keyId: 'key-9', scopes: ['inference', 'route'] as const, groups: null },
  model: 'assistant@2',
  override: { canary: null, version: null },
  stickiness: { keyId: 'key-9', firstUserMessage: 'What is the fee?' },
  messages: [{ role: 'user', content: 'What is the fee?' }] as const,
  ...{ retrieval: null, sampling: { temperature: 0 }, maxTokens: 16, stop: [], topLogprobs: null, grammar: null },
};

t.test('a trial is answered as a user would be, and leaves no trace of a user', async (t) => {
  const { app, pipeline, engine, retrieval, registry, metrics, quality } = await createTestServer();
  t.teardown(() => app.close());
  retrieval.passages.set('bank', [passage('1', 'The fee is £5.', 0.9)]);
  // Whoever asks for it is stopped by no limit of the tenant.
  registry.limits = { ...registry.limits, tokensPerMinute: 0, tokensPerMonth: 0 };
  const answer = await pipeline.tryOut(request, none);
  t.match(answer, { text: 'Hello world', citations: [{ marker: '[1]', content: 'The fee is £5.' }] });
  t.match(engine.requests, [{ tenant: 'bank', priority: 'batch', adapter: { version: 2 } }]);
  await quality.close();
  t.same(registry.answers, []);
  t.same(registry.signals, []);
  const names = 'requests_total|tokens_total|retrieval_top_score|answer_|time_to_first_token|request_duration';
  t.notMatch(await metrics.render(), new RegExp(`^switchyard_(${names})[^\\n]*tenant="bank"`, 'm'));
});

t.test('a trial ends with the reason of its signal, and the engine hears of it', async (t) => {
  const { app, pipeline, engine } = await createTestServer();
  t.teardown(() => app.close());
  const stop = new AbortController();
  engine.answer([{ wait: new Promise(() => {}) }, 'Done']);
  const answer = pipeline.tryOut({ ...request, retrieval: null }, stop.signal);
  setTimeout(() => stop.abort(new Error('called off')), 20);
  await t.rejects(answer, { message: 'called off' });
});
