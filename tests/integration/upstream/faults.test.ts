import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { ask, requestOf } from '../../fixtures/engine/engine.js';
import type { Behaviour } from '../../fixtures/upstream/server.js';
import { startUpstream } from '../../fixtures/upstream/upstream.js';
import { startVllm } from '../../fixtures/upstream/vllm.js';

const signal = new AbortController().signal;

t.test('an answer comes with its text, its tokens and why it ended', async (t) => {
  const server = await startVllm(t);
  const { upstream, tries } = await startUpstream(t, [server]);
  const { text, finished } = await ask(upstream, { prompt: 'Hi', maxTokens: 5 });
  t.equal(text, 'Hello world');
  t.match(finished, { reason: 'stop', promptTokens: 1, completionTokens: 3 });
  t.match(server.requests[0], { model: 'base', prompt: [0], max_tokens: 5, temperature: 0 });
  t.same(tries(), ['completed']);
});

t.test('characters that are cut anywhere arrive whole', async (t) => {
  const server = await startVllm(t);
  server.behave({ tokens: ['Grüße ', 'から 東京 ', '🚀'], bytesAtATime: 1 });
  const { upstream } = await startUpstream(t, [server]);
  t.equal((await ask(upstream, { prompt: 'Hi' })).text, 'Grüße から 東京 🚀');
});

const BEFORE: Record<string, Behaviour> = {
  'a connection that is reset': 'reset',
  'a page in place of a stream': 'html',
  'a stream that ends before its first token': { tokens: [], end: 'close' },
  'a stream that is cut off before its first token': { tokens: [], end: 'half-close' },
  'a stream of garbage': { tokens: [], end: 'garbage' },
  'a stream that is no UTF-8': { tokens: [], end: 'no-utf8' },
  'an error in the stream': { tokens: [], end: 'error' },
  'status 500': { status: 500 },
  'status 503': { status: 503 },
  'status 429': { status: 429 },
  'no first token in time': 'stall',
};
for (const [what, behaviour] of Object.entries(BEFORE)) {
  t.test(`${what} is tried elsewhere, and nobody notices`, async (t) => {
    const servers = [await startVllm(t), await startVllm(t)] as const;
    for (const server of servers) server.behave(behaviour, { tokens: ['fine'] });
    const { upstream, tries } = await startUpstream(t, servers, { firstTokenTimeoutMs: 100 });
    servers[1].behave({ tokens: ['fine'] });
    servers[0].behave(behaviour, { tokens: ['fine'] });
    // Until one came to the first server.
    while (servers[0].requests.length === 0) {
      t.equal((await ask(upstream, { prompt: `Hi ${Math.random()}` })).text, 'fine');
    }
    t.equal(tries().filter((outcome) => outcome !== 'completed').length, 1);
  });

  t.test(`${what} everywhere is an error that says so`, async (t) => {
    const servers = [await startVllm(t), await startVllm(t)] as const;
    for (const server of servers) server.behave(behaviour);
    const { upstream } = await startUpstream(t, servers, { firstTokenTimeoutMs: 100 });
    const code = what === 'status 429' ? 'queue_full' : 'engine_unavailable';
    await t.rejects(ask(upstream, { prompt: 'Hi' }), { code, spec: { retryable: true } });
    t.same(
      servers.map(({ requests }) => requests.length),
      [1, 1],
      'each was asked once',
    );
  });
}

const WITHIN: Record<string, Behaviour> = {
  'is reset': { tokens: ['one', 'two'], end: 'reset' },
  'is closed': { tokens: ['one', 'two'], end: 'close' },
  'is half closed': { tokens: ['one', 'two'], end: 'half-close' },
  'is silent': { tokens: ['one', 'two'], end: 'stall' },
  'says that it failed': { tokens: ['one', 'two'], end: 'error' },
  'turns to garbage': { tokens: ['one', 'two'], end: 'garbage' },
};
for (const [what, behaviour] of Object.entries(WITHIN)) {
  t.test(`an answer whose connection ${what} ends with an error, and is never begun again`, async (t) => {
    const servers = [await startVllm(t), await startVllm(t)] as const;
    for (const server of servers) server.behave(behaviour);
    const { upstream, tries } = await startUpstream(t, servers, { stallTimeoutMs: 300 });
    let text = '';
    let tokens = 0;
    await t.rejects(
      async () => {
        for await (const event of upstream.generate(requestOf({ prompt: 'Hi' }), signal)) {
          if (event.type !== 'delta') continue;
          text += event.text;
          tokens += event.tokenCount;
        }
      },
      { code: 'engine_unavailable' },
    );
    t.equal(text, 'onetwo');
    t.equal(tokens, 2, 'what was written is metered');
    t.same(tries(), ['broken']);
  });
}

t.test('an answer that is slow, but never silent for long, comes to its end', async (t) => {
  const server = await startVllm(t);
  server.behave({ tokens: Array.from({ length: 15 }, () => 'on '), pauseMs: 100 });
  const { upstream, tries } = await startUpstream(t, [server], { stallTimeoutMs: 1000 });
  t.equal((await ask(upstream, { prompt: 'Hi' })).text, 'on '.repeat(15));
  t.same(tries(), ['completed']);
});

t.test('a request that is wrong is not sent to another server', async (t) => {
  const servers = [await startVllm(t), await startVllm(t)] as const;
  for (const server of servers) server.behave({ status: 400, message: 'logit_bias is out of range' });
  const { upstream, tries } = await startUpstream(t, servers);
  const failed = ask(upstream, { prompt: 'Hi' });
  await t.rejects(failed, { code: 'generation_failed', message: /logit_bias is out of range/ });
  t.same(tries(), ['refused']);
});

t.test('what the servers have no word for is refused by name', async (t) => {
  const server = await startVllm(t);
  const { upstream } = await startUpstream(t, [server]);
  const error = { code: 'unsupported_parameter', message: /logprobs is not supported: vllm servers/ };
  await t.rejects(ask(upstream, { prompt: 'Hi', topLogprobs: 2 }), error);
  t.same(server.requests, []);
});

t.test('retries are a share of what is asked', async (t) => {
  const servers = [await startVllm(t), await startVllm(t)] as const;
  for (const server of servers) server.behave({ status: 429 });
  const { upstream, tries } = await startUpstream(t, servers, { retryPercent: 0 });
  for (let i = 0; i < 30; i++) await t.rejects(ask(upstream, { prompt: `Hi ${i}` }), { code: 'queue_full' });
  t.equal(tries().length, 30 + 10, 'ten that a quiet pool has, and no more');
});

t.test('who hangs up frees the server, and what was written is counted', async (t) => {
  const server = await startVllm(t);
  server.behave({ tokens: Array.from({ length: 1000 }, () => 'on '), pauseMs: 5 });
  const { upstream, tries } = await startUpstream(t, [server]);
  const caller = new AbortController();
  let tokens = 0;
  let last: unknown;
  for await (const event of upstream.generate(requestOf({ prompt: 'Hi', maxTokens: 400 }), caller.signal)) {
    last = event;
    if (event.type === 'delta') tokens += event.tokenCount;
    if (tokens >= 3) caller.abort();
  }
  t.match(last, { type: 'finished', reason: 'abort', completionTokens: tokens });
  while (server.active() > 0) await sleep(5);
  t.same(tries(), ['aborted']);
  t.equal(upstream.status().slotsInUse, 0);
});

t.test('who stops reading frees the server too', async (t) => {
  const server = await startVllm(t);
  server.behave({ tokens: Array.from({ length: 1000 }, () => 'on '), pauseMs: 5 });
  const { upstream } = await startUpstream(t, [server]);
  for await (const event of upstream.generate(requestOf({ prompt: 'Hi' }), signal)) if (event.type === 'delta') break;
  while (server.active() > 0) await sleep(5);
  t.equal(upstream.status().slotsInUse, 0);
});

t.test('a reader that is slow stops the server', async (t) => {
  const server = await startVllm(t);
  const [count, text] = [4000, 'x'.repeat(4000)];
  let written = 0;
  server.behave({ tokens: Array.from({ length: count }, () => text) });
  const { upstream } = await startUpstream(t, [server]);
  let held = 0;
  for await (const event of upstream.generate(requestOf({ prompt: 'Hi' }), signal)) {
    if (event.type !== 'delta') continue;
    written += event.tokenCount;
    held = Math.max(held, event.text.length);
    if (written < 100) await sleep(2);
  }
  // The buffers of both ends of the connection hold megabytes; the answer has sixteen.
  t.equal(written, count + 1);
  t.ok(held < 1024 * 1024, `no more than a chunk was held: ${held} characters`);
});

t.test('requests beyond the slots wait, and too many are refused', async (t) => {
  const server = await startVllm(t);
  server.behave({ tokens: ['one'], end: 'stall' });
  const { upstream } = await startUpstream(t, [server], { slots: 1 }, { maxQueued: 2 });
  const callers = Array.from({ length: 3 }, () => new AbortController());
  const ended = callers.map(async (caller) => {
    for await (const event of upstream.generate(requestOf({ prompt: 'Hi' }), caller.signal)) void event;
  });
  await t.rejects(ended[2]!, { code: 'queue_full' });
  while (server.active() !== 1) await sleep(5);
  t.match(upstream.status(), { slotsTotal: 1, slotsInUse: 1, queued: 1 });
  for (const caller of callers) caller.abort();
  await Promise.allSettled(ended);
  t.match(upstream.status(), { slotsInUse: 0, queued: 0 });
});
