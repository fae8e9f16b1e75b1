import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { ask, requestOf } from '../../fixtures/engine/engine.js';
import { startUpstream } from '../../fixtures/upstream/upstream.js';
import { startVllm } from '../../fixtures/upstream/vllm.js';

const NOWHERE = { url: 'http://127.0.0.1:9' };

t.test('a pool starts where no server can be reached, says so, and is ready as soon as one can', async (t) => {
  const server = await startVllm(t);
  server.tokens = [1, 2, 3];
  const { upstream, states } = await startUpstream(t, [server, NOWHERE], { probeIntervalMs: 50 });
  t.same(states(), ['down', 'down']);
  t.match(upstream.status(), {
    ready: false,
    reason: /none of 2 replicas takes traffic.*tokenizer is not that of our base/,
  });
  await t.rejects(ask(upstream, { prompt: 'Hi' }), { code: 'engine_unavailable' });
  server.tokens = [0];
  while (!upstream.status().ready) await sleep(10);
  t.same(states(), ['up', 'down']);
  t.equal((await ask(upstream, { prompt: 'Hi' })).text, 'Hello world');
});

t.test('a server that holds less than an answer may have is not used', async (t) => {
  const server = await startVllm(t);
  server.contextTokens = 511;
  const { upstream } = await startUpstream(t, [server]);
  t.match(
    upstream.status().reason,
    /it holds 511 tokens, less than upstream.contextTokens or engine.contextTokens says \(512\)/,
  );
});

t.test('a server that does not serve the model is not used', async (t) => {
  const { upstream } = await startUpstream(t, [await startVllm(t)], { model: 'other' });
  t.match(upstream.status().reason, /it does not serve other, but base/);
});

t.test('a server whose health fails twice is left alone until it is well again', async (t) => {
  const servers = [await startVllm(t), await startVllm(t)] as const;
  const { upstream, states } = await startUpstream(t, servers, { probeIntervalMs: 30 });
  t.same(states(), ['up', 'up']);
  servers[0].healthy = false;
  while (states()[0] !== 'down') await sleep(5);
  const before = servers[0].requests.length;
  for (let i = 0; i < 20; i++) await ask(upstream, { prompt: `Hi ${i}` });
  t.equal(servers[0].requests.length, before);
  servers[0].healthy = true;
  while (states()[0] !== 'up') await sleep(5);
});

t.test('a server whose answers fail is ejected, though it says that it is well', async (t) => {
  const servers = [await startVllm(t), await startVllm(t)] as const;
  servers[0].behave({ status: 500 });
  const { upstream, states } = await startUpstream(t, servers);
  for (let i = 0; i < 60; i++) t.equal((await ask(upstream, { prompt: `Hi ${i}` })).text, 'Hello world');
  t.same(states(), ['ejected', 'up']);
  t.equal(servers[0].requests.length, 3, 'three failures in a row were enough');
});

t.test('the last server is never ejected', async (t) => {
  const server = await startVllm(t);
  server.behave({ status: 500 });
  const { upstream, states } = await startUpstream(t, [server]);
  for (let i = 0; i < 10; i++) await t.rejects(ask(upstream, { prompt: 'Hi' }), { code: 'engine_unavailable' });
  t.same(states(), ['up']);
});

t.test('what waits ends when the last server goes', async (t) => {
  const server = await startVllm(t);
  server.behave({ tokens: ['one'], end: 'stall' });
  const { upstream, states } = await startUpstream(t, [server], { slots: 1, probeIntervalMs: 50 });
  const caller = new AbortController();
  const first = (async () => {
    for await (const event of upstream.generate(requestOf({ prompt: 'Hi' }), caller.signal)) void event;
  })();
  while (server.active() === 0) await sleep(5);
  const second = ask(upstream, { prompt: 'Hi', tenant: 'other' });
  server.healthy = false;
  await t.rejects(second, { code: 'engine_unavailable', message: /the engine is dead/ });
  t.same(states(), ['down']);
  caller.abort();
  await first;
});

t.test('a server that drains ends what it has, and gets nothing new', async (t) => {
  const servers = [await startVllm(t), await startVllm(t)] as const;
  const { upstream, states } = await startUpstream(t, servers);
  t.match(upstream.drain!(servers[0].url, true), { state: 'draining' });
  for (let i = 0; i < 20; i++) await ask(upstream, { prompt: `Hi ${i}` });
  t.equal(servers[0].requests.length, 0);
  upstream.drain!(servers[0].url, false);
  t.same(states(), ['up', 'up']);
  t.throws(() => upstream.drain!('http://elsewhere', true), { code: 'not_found' });
});

t.test('what other gateways sent to a server counts as load there', async (t) => {
  const servers = [await startVllm(t), await startVllm(t)] as const;
  servers[0].others = 30;
  const { upstream } = await startUpstream(t, servers, { probeIntervalMs: 30 });
  const others = () => upstream.status().replicas!.map((replica) => replica.others);
  while (others()[0] === 0) await sleep(5);
  t.same(others(), [30, 0]);
  for (let i = 0; i < 20; i++) await ask(upstream, { prompt: `Hi ${i}` });
  t.equal(servers[0].requests.length, 0, 'all conversations have their home at the other one meanwhile');
  servers[0].others = 0;
  while (others()[0] !== 0) await sleep(5);
  for (let i = 0; servers[0].requests.length === 0; i++) await ask(upstream, { prompt: `Hello ${i}` });
});
