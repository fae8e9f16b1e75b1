/** SGLang's dialect over a server of ours that answers as SGLang's source says. */
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { writeAdapter } from '../../fixtures/engine/adapters.js';
import { ask } from '../../fixtures/engine/engine.js';
import { startSglang } from '../../fixtures/upstream/sglang.js';
import { BASE, startUpstream } from '../../fixtures/upstream/upstream.js';

const settings = { dialect: 'sglang' } as const;

async function setUp(t: Test, more: Parameters<typeof startUpstream>[2] = {}) {
  const server = await startSglang(t);
  server.contextTokens = 518;
  const folder = t.testdir();
  const adapters = [1, 2, 3].map((seed) => writeAdapter(folder, BASE, { seed })) as [never, never, never];
  const pool = await startUpstream(t, [server], { ...settings, ...more });
  return { server, adapters: adapters as ReturnType<typeof writeAdapter>[], ...pool };
}

t.test('an adapter is loaded by its folder under its digest, and asked for by that name beside the base', async (t) => {
  const { server, adapters, upstream } = await setUp(t);
  const [one] = adapters;
  const sampling = { topK: 40, minP: 0.05, repetitionPenalty: 1.1 };
  const answer = await ask(upstream, { prompt: 'Hi', adapter: one!, sampling });
  t.match(answer, { text: 'Hello world', finished: { reason: 'stop', completionTokens: 3 } });
  await ask(upstream, { prompt: 'Hi' });
  t.same([...server.adapters], [[`sw-${one!.digest}`, dirname(one!.compiledFile)]]);
  t.match(server.requests, [
    { model: 'base', lora_path: `sw-${one!.digest}`, stream: true, top_k: 40, min_p: 0.05, repetition_penalty: 1.1 },
    { model: 'base', top_k: -1, stream_options: { include_usage: true, continuous_usage_stats: true } },
  ]);
  t.notOk('lora_path' in server.requests[1]!);
  const [salt, other] = server.requests.map((request) => request.cache_salt);
  t.ok(salt && other && salt !== other, 'what is cached of prompts is told apart');
  const [replica] = upstream.status().replicas!;
  t.match(replica, { slots: 6, adapters: [one!.digest] });
});

t.test('the least recently used adapter gives way, and one that the server lost is brought again', async (t) => {
  const { server, adapters, upstream, tries } = await setUp(t, { adapterSlots: 2 });
  for (const adapter of [adapters[0]!, adapters[1]!, adapters[2]!]) await ask(upstream, { prompt: 'Hi', adapter });
  t.same(
    [...server.adapters.keys()],
    [adapters[1], adapters[2]].map((adapter) => `sw-${adapter!.digest}`),
  );
  server.forget();
  t.equal((await ask(upstream, { prompt: 'Hi', adapter: adapters[1]! })).text, 'Hello world');
  t.same(tries().slice(3), ['stale', 'completed']);
  server.adapters.set(`sw-${adapters[0]!.digest}`, 'loaded by another gateway');
  t.equal((await ask(upstream, { prompt: 'Hi', adapter: adapters[0]! })).text, 'Hello world');
});

t.test(
  'what it cannot do is refused by name: adapters without LoRA, a rank beyond its own, seeds, probabilities',
  async (t) => {
    const { server, adapters, upstream, states } = await setUp(t);
    const [adapter] = adapters as [never];
    server.loadError = 'LoRA adapter has rank 64, the maximum is 16';
    for (let i = 0; i < 4; i++) {
      await t.rejects(ask(upstream, { prompt: 'Hi', adapter }), {
        code: 'adapter_load_failed',
        message: /rank 64, the/,
      });
    }
    t.same(states(), ['up'], 'which is no reason to eject it');
    const refused = (param: string) => ({ code: 'unsupported_parameter', params: { param } });
    await t.rejects(ask(upstream, { prompt: 'Hi', sampling: { seed: 7 } }), refused('seed'));
    await t.rejects(ask(upstream, { prompt: 'Hi', topLogprobs: 2 }), refused('logprobs'));
    const without = await startSglang(t);
    without.loadsAdapters = false;
    const pool = await startUpstream(t, [without], settings, { contextTokens: 500 });
    await t.rejects(ask(pool.upstream, { prompt: 'Hi', adapter }), {
      code: 'adapter_load_failed',
      message: /start SGLang with --enable-lora/,
    });
    t.equal((await ask(pool.upstream, { prompt: 'Hi' })).text, 'Hello world');
  },
);

t.test('it is not used where it holds less than it should, or reads another text', async (t) => {
  const [small, foreign] = [await startSglang(t), await startSglang(t)];
  foreign.contextTokens = 518;
  foreign.tokens = [1, 2];
  const { upstream } = await startUpstream(t, [small, foreign], settings);
  t.match(upstream.status().replicas, [
    { state: 'down', reason: /it holds 506 tokens, less than/ },
    { state: 'down', reason: /its tokenizer is not that of our base/ },
  ]);
});

t.test('what fails is asked elsewhere before the first token, and told after it; its load is counted', async (t) => {
  const servers = [await startSglang(t), await startSglang(t)] as const;
  for (const server of servers) server.contextTokens = 518;
  const { upstream, tries } = await startUpstream(t, servers, { ...settings, probeIntervalMs: 20 });
  servers[0].behave({ status: 503, message: 'The server is shutting down.' });
  servers[1].behave({ tokens: ['fine'] });
  for (let n = 0; n < 8; n++) t.equal((await ask(upstream, { prompt: `Hi ${n}` })).text, 'fine');
  for (const server of servers) server.behave({ tokens: ['one'], end: 'error' });
  await t.rejects(ask(upstream, { prompt: 'Hi' }), { message: /out of memory/ });
  t.ok(tries().includes('broken') && tries().includes('completed'));
  servers[0].others = 30;
  while (upstream.status().replicas![0]!.others === 0) await sleep(5);
  t.equal(upstream.status().replicas![0]!.others, 30);
});
