import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { writeAdapter } from '../../fixtures/engine/adapters.js';
import { ask, requestOf } from '../../fixtures/engine/engine.js';
import { BASE, startUpstream } from '../../fixtures/upstream/upstream.js';
import { startVllm } from '../../fixtures/upstream/vllm.js';

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-upstream-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

t.test('an adapter is loaded once under its digest, however many ask for it at once', async (t) => {
  const server = await startVllm(t);
  server.loadMs = 30;
  const { upstream, observations } = await startUpstream(t, [server]);
  const adapter = writeAdapter(folderOf(t), BASE, { seed: 1 });
  await Promise.all([1, 2, 3].map((n) => ask(upstream, { prompt: `Hi ${n}`, adapter })));
  t.same([...server.adapters], [[`sw-${adapter.digest}`, dirname(adapter.compiledFile)]]);
  t.same(server.changes, [`load sw-${adapter.digest}`]);
  t.same(
    server.requests.map(({ model }) => model),
    Array(3).fill(`sw-${adapter.digest}`),
  );
  t.same(upstream.status().adaptersResident, [adapter.digest]);
  t.equal(observations.filter(({ type }) => type === 'adapter_load').length, 1);
});

t.test('other content under the same name and version is another adapter', async (t) => {
  const server = await startVllm(t);
  const { upstream } = await startUpstream(t, [server]);
  const folder = folderOf(t);
  const [first, second] = [writeAdapter(folder, BASE, { seed: 1 }), writeAdapter(folder, BASE, { seed: 2 })];
  await ask(upstream, { prompt: 'Hi', adapter: first });
  await ask(upstream, { prompt: 'Hi', adapter: { ...second, name: first.name } });
  t.same(
    server.requests.map(({ model }) => model),
    [`sw-${first.digest}`, `sw-${second.digest}`],
  );
  const [one, other] = server.requests.map(({ cache_salt }) => cache_salt);
  t.not(one, other, 'nor is what is cached of its prompts the same');
});

t.test('what tenants and audiences cache is kept apart', async (t) => {
  const server = await startVllm(t);
  const { upstream } = await startUpstream(t, [server]);
  for (const [tenant, audience] of [
    ['a', ''],
    ['b', ''],
    ['a', 'hr'],
    ['a', ''],
  ] as const) {
    await ask(upstream, { prompt: 'Hi', tenant, audience });
  }
  const salts = server.requests.map(({ cache_salt }) => cache_salt);
  t.equal(new Set(salts).size, 3);
  t.equal(salts[0], salts[3]);
});

t.test('the least recently used adapter gives way, and none that is in use', async (t) => {
  const server = await startVllm(t);
  const { upstream } = await startUpstream(t, [server], { adapterSlots: 2 });
  const folder = folderOf(t);
  const [a, b, c] = [1, 2, 3].map((seed) => writeAdapter(folder, BASE, { seed })) as [never, never, never];
  for (const adapter of [a, b, a, c]) await ask(upstream, { prompt: 'Hi', adapter });
  t.same(
    [...server.adapters.keys()],
    [a, c].map(({ digest }) => `sw-${digest}`),
  );

  server.behave({ tokens: ['one'], end: 'stall' });
  const caller = new AbortController();
  const held = [a, c].map(async (adapter) => {
    for await (const event of upstream.generate(requestOf({ prompt: 'Hi', adapter }), caller.signal)) void event;
  });
  while (server.active() < 2) await sleep(5);
  await t.rejects(ask(upstream, { prompt: 'Hi', adapter: b }), {
    code: 'queue_full',
    message: /all 2 adapters that it may have loaded are in use/,
  });
  caller.abort();
  await Promise.all(held);
  server.behave({ tokens: ['fine'] });
  t.equal((await ask(upstream, { prompt: 'Hi', adapter: b })).text, 'fine');
});

t.test('a server that lost its adapters, or whose adapters others loaded, is asked anew', async (t) => {
  const server = await startVllm(t);
  const folder = folderOf(t);
  const [a, b] = [writeAdapter(folder, BASE, { seed: 1 }), writeAdapter(folder, BASE, { seed: 2 })];
  const { upstream, tries } = await startUpstream(t, [server]);
  await ask(upstream, { prompt: 'Hi', adapter: a });
  server.forget();
  t.equal((await ask(upstream, { prompt: 'Hi', adapter: a })).text, 'Hello world');
  t.same(tries(), ['completed', 'stale', 'completed']);
  server.adapters.set(`sw-${b.digest}`, 'loaded by another gateway');
  t.equal((await ask(upstream, { prompt: 'Hi', adapter: b })).text, 'Hello world');
});

t.test('servers that see the data folder elsewhere are told so', async (t) => {
  const server = await startVllm(t);
  const { upstream } = await startUpstream(t, [server], { adapterDir: '/mnt/adapters' });
  const adapter = writeAdapter(folderOf(t), BASE, { seed: 1 });
  await ask(upstream, { prompt: 'Hi', adapter });
  t.equal(server.adapters.get(`sw-${adapter.digest}`), `/mnt/adapters/${adapter.digest}`);
});

t.test('an adapter of another base, or a damaged one, is never sent', async (t) => {
  const server = await startVllm(t);
  const { upstream } = await startUpstream(t, [server]);
  const folder = folderOf(t);
  const foreign = writeAdapter(folder, { ...BASE, baseDigest: 'c'.repeat(64) }, { seed: 1 });
  const damaged = writeAdapter(folder, BASE, { seed: 1 }, { payloadSha256: '0'.repeat(64) });
  for (const [adapter, message] of [
    [foreign, /baseDigest/],
    [damaged, /payloadSha256/],
  ] as const) {
    await t.rejects(ask(upstream, { prompt: 'Hi', adapter }), { code: 'adapter_load_failed', message });
  }
  t.same(server.changes, []);
});

t.test('servers that load no adapters are named, with what to do', async (t) => {
  const server = await startVllm(t);
  server.loadsAdapters = false;
  const { upstream } = await startUpstream(t, [server]);
  const adapter = writeAdapter(folderOf(t), BASE, { seed: 1 });
  await t.rejects(ask(upstream, { prompt: 'Hi', adapter }), {
    code: 'adapter_load_failed',
    message: /VLLM_ALLOW_RUNTIME_LORA_UPDATING/,
  });
  t.equal((await ask(upstream, { prompt: 'Hi' })).text, 'Hello world');
});

t.test('an adapter that the servers cannot load is no reason to eject them', async (t) => {
  const servers = [await startVllm(t), await startVllm(t)] as const;
  for (const server of servers) server.loadError = 'LoRA rank 64 is greater than max_lora_rank 16.';
  const { upstream, states, tries } = await startUpstream(t, servers);
  const adapter = writeAdapter(folderOf(t), BASE, { seed: 1 });
  const failed = { code: 'adapter_load_failed', message: /LoRA rank 64 is greater/ };
  for (let i = 0; i < 5; i++) await t.rejects(ask(upstream, { prompt: `Hi ${i}`, adapter }), failed);
  t.same(new Set(tries()), new Set(['adapter']));
  t.same(states(), ['up', 'up']);
  t.equal((await ask(upstream, { prompt: 'Hi' })).text, 'Hello world');
});
