import t from 'tap';
import { readSamples, total } from './exposition.js';
import { bearer, createTestServer, passage } from './fakes.js';

t.test('the metrics say what the client saw: who answered, how many tokens, how fast, how it ended', async (t) => {
  const { app, engine, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  retrieval.passages.set('bank', [passage('fees', 'The fee is 5 EUR.', 0.8)]);
  engine.answer(['5', ' EUR', ' [1].']);
  const address = await app.listen({ port: 0 });
  const ask = (body: object, headers = {}) =>
    fetch(`${address}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...bearer(), ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: 'Fee?' }], ...body }),
    });

  let longestMs = 0;
  for (const headers of [{}, {}, { 'x-canary': 'always' }]) {
    const sentMs = performance.now();
    await (await ask({}, headers)).json();
    longestMs = Math.max(longestMs, performance.now() - sentMs);
  }
  t.equal((await ask({ temperature: 9 })).status, 400);
  t.equal((await ask({ model: 'nothing' })).status, 404);
  retrieval.ready = false;
  t.equal((await ask({})).status, 503);

  const response = await fetch(`${address}/metrics`);
  t.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  const samples = readSamples(await response.text());
  const sum = (name: string, labels: Record<string, string>) => total(samples, name, labels);
  const stable = { tenant: 'bank', deployment: 'assistant', adapter: 'support@1', arm: 'stable' };
  const canary = { tenant: 'bank', deployment: 'assistant', adapter: 'support@2', arm: 'canary' };

  t.equal(sum('requests_total', { ...stable, outcome: 'completed' }), 2);
  t.equal(sum('requests_total', { ...canary, outcome: 'completed' }), 1);
  t.equal(sum('requests_total', { ...stable, outcome: 'retrieval_unavailable' }), 1);
  t.equal(sum('tokens_total', { ...stable, direction: 'prompt' }), 14);
  t.equal(sum('tokens_total', { ...stable, direction: 'completion' }), 6);
  t.equal(sum('tokens_total', { ...canary, direction: 'completion' }), 3);
  t.equal(sum('answer_citations_total', stable), 2);
  t.equal(sum('answer_citations_total', canary), 1);
  t.equal(sum('time_to_first_token_seconds_count', stable), 2);
  t.equal(sum('time_per_output_token_seconds_count', canary), 1);
  t.equal(sum('request_duration_seconds_count', stable), 3);
  t.equal(sum('queue_duration_seconds_sum', canary), 0.001);
  t.equal(sum('prefill_duration_seconds_sum', canary), 0.002);
  t.equal(sum('decode_duration_seconds_sum', canary), 0.003);
  t.equal(sum('retrieval_duration_seconds_count', { tenant: 'bank', stage: 'embed' }), 3);
  t.equal(sum('retrieval_top_score_sum', { tenant: 'bank' }), 0.8 * 3);
  t.equal(sum('http_requests_total', { route: '/v1/chat/completions', status: '200' }), 3);
  t.equal(sum('http_requests_total', { route: '/v1/chat/completions', status: '400' }), 1);
  t.equal(sum('http_requests_total', { route: '/v1/chat/completions', status: '404' }), 1);
  t.equal(sum('http_requests_in_flight', {}), 1, 'the scrape itself');

  const firstTokenMs = sum('time_to_first_token_seconds_sum', canary) * 1000;
  const durationMs = sum('request_duration_seconds_sum', canary) * 1000;
  t.ok(firstTokenMs > 0 && firstTokenMs <= durationMs && durationMs <= longestMs, 'no longer than the client waited');
});

t.test('routes that do not exist share one label', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  for (const url of ['/a', '/b', '/c']) await app.inject(url);
  const samples = readSamples((await app.inject('/metrics')).body);
  t.equal(total(samples, 'http_requests_total', { route: 'unknown', status: '404' }), 3);
});

t.test('an answer that cannot be recorded is given all the same, and the failure is told', async (t) => {
  const { app, registry, metrics, recordFailures } = await createTestServer();
  t.teardown(() => app.close());
  registry.recordAnswer = async () => {
    throw new Error('disk full');
  };
  const response = await app.inject({
    method: 'POST',
    url: '/v1/chat/completions',
    headers: bearer(),
    payload: { model: 'assistant', messages: [{ role: 'user', content: 'Hi' }] },
  });
  t.equal(response.statusCode, 200);
  t.match(recordFailures, [{ message: 'disk full' }]);
  t.equal(total(readSamples(await metrics.render()), 'requests_total', { outcome: 'completed' }), 1);
});
