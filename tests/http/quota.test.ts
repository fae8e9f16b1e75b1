import http from 'node:http';
import OpenAI from 'openai';
import t, { type Test } from 'tap';
import { bearer, createTestServer, OTHER_KEY } from './fakes.js';

const chat = (body: object = {}, key?: string) => ({
  method: 'POST' as const,
  url: '/v1/chat/completions',
  headers: bearer(key),
  payload: { model: 'plain', max_tokens: 10, messages: [{ role: 'user', content: 'What is the fee?' }], ...body },
});

/** An answer takes 7 tokens of prompt and 2 of its own. */
async function limited(t: Test, limits: object) {
  const server = await createTestServer();
  t.teardown(() => server.app.close());
  server.registry.limits = { ...server.registry.limits, ...limits };
  return server;
}

t.test('tokens are set aside before, given back after, and told in the headers of OpenAI', async (t) => {
  const { app, engine } = await limited(t, { tokensPerMinute: 30 });
  const first = await app.inject(chat());
  t.equal(first.statusCode, 200);
  t.match(first.headers, {
    'x-ratelimit-limit-requests': '6000',
    'x-ratelimit-remaining-requests': '5999',
    'x-ratelimit-reset-requests': /^1m[01]s$|^[\d.]+s$/,
    'x-ratelimit-limit-tokens': '30',
    'x-ratelimit-remaining-tokens': '21',
  });
  const stream = await app.inject(chat({ stream: true }));
  t.equal(stream.headers['x-ratelimit-remaining-tokens'], '4', 'while it is under way, all that it may take is gone');

  const refused = await app.inject(chat());
  t.equal(refused.statusCode, 429);
  t.match(refused.json().error, { code: 'token_rate_limited', type: 'rate_limit_error', message: /17 more/ });
  const retryAfterS = Number(refused.headers['retry-after']);
  t.ok(retryAfterS > 50 && retryAfterS <= 61);
  t.equal(refused.headers['x-ratelimit-remaining-tokens'], '12');
  t.equal(engine.requests.length, 2, 'nothing was computed for it');

  const large = await app.inject(chat({ max_tokens: 100 }));
  t.match(large.json().error, { code: 'request_exceeds_limit', message: /30 tokens a minute.*up to 107/ });
  t.equal(large.headers['x-should-retry'], 'false');
  t.equal((await app.inject(chat({}, OTHER_KEY))).statusCode, 404, 'another tenant is not held up');
});

t.test('a request that fails or is aborted gives back what it did not use', async (t) => {
  const { app, engine, registry } = await limited(t, { tokensPerMinute: 30 });
  engine.ready = false;
  for (let n = 0; n < 3; n++) t.equal((await app.inject(chat())).statusCode, 503);
  engine.ready = true;
  let reached = () => {};
  const writing = new Promise<void>((resolve) => (reached = resolve));
  engine.answer([
    'one',
    {
      get wait() {
        reached();
        return new Promise(() => {});
      },
    },
  ]);
  const address = await app.listen({ port: 0 });
  const request = http.request(`${address}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...bearer(), 'content-type': 'application/json' },
  });
  request.on('error', () => {});
  request.end(JSON.stringify(chat({ stream: true }).payload));
  await writing;
  t.equal((await app.inject(chat())).json().error.code, 'token_rate_limited', '17 are set aside of 30');
  request.destroy();
  while (registry.answers.length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
  engine.answer(['Hello', ' world']);
  const after = await app.inject(chat());
  t.equal(after.statusCode, 200);
  t.equal(after.headers['x-ratelimit-remaining-tokens'], String(30 - 8 - 9));
});

t.test("a budget of a month ends, and OpenAI's client does not try again", async (t) => {
  const { app } = await limited(t, { tokensPerMonth: 20 });
  const baseURL = `${await app.listen({ port: 0 })}/v1`;
  const client = new OpenAI({ baseURL, apiKey: 'sk-bank' });
  const ask = () => client.chat.completions.create({ ...chat().payload } as never);
  await ask();
  await t.rejects(ask(), { status: 429, code: 'insufficient_quota', message: /has 11 tokens left/ });
});

t.test(
  'so many requests compute at once, so many wait in their order, and further ones hear of it before their body is read',
  async (t) => {
    const { app, engine, metrics } = await limited(t, { concurrentRequests: 1, queuedRequests: 1 });
    let letGo = () => {};
    engine.answer([{ wait: new Promise<void>((resolve) => (letGo = resolve)) }, 'done']);
    const address = await app.listen({ port: 0 });
    const post = () =>
      fetch(`${address}/v1/chat/completions`, {
        method: 'POST',
        headers: { ...bearer(), 'content-type': 'application/json' },
        body: JSON.stringify(chat().payload),
      });
    const first = post();
    while (engine.active() === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    const second = post();
    const bothAreIn = 'http_requests_in_flight 2';
    while (!(await metrics.render()).includes(bothAreIn)) await new Promise((resolve) => setTimeout(resolve, 2));
    const third = await post();
    t.equal(third.status, 429);
    t.match(await third.json(), { error: { code: 'too_many_concurrent', message: /^1 at once, 1 waiting/ } });
    const large = http.request(`${address}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...bearer(), 'content-type': 'application/json', 'content-length': 500_000, expect: '100-continue' },
    });
    const status = await new Promise((resolve) => {
      large.once('continue', () => resolve('continue'));
      large.once('response', (response) => resolve(response.statusCode));
      large.flushHeaders();
    });
    large.destroy();
    t.equal(status, 429, 'it was never asked for its body');
    t.equal((await fetch(`${address}/v1/models`, { headers: bearer() })).status, 200, 'what computes nothing goes on');
    t.equal(engine.active(), 1);
    letGo();
    t.equal((await first).status, 200);
    t.equal((await second).status, 200);
  },
);
