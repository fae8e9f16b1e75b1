import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { ask } from '../../fixtures/engine/engine.js';
import { startUpstream } from '../../fixtures/upstream/upstream.js';
import { startVllm } from '../../fixtures/upstream/vllm.js';

/** Until a connection is free for the next answer. */
const REST_MS = 20;

t.test('answers follow each other on one connection', async (t) => {
  const server = await startVllm(t);
  const { upstream } = await startUpstream(t, [server]);
  const before = server.connections();
  for (let i = 0; i < 5; i++) {
    t.equal((await ask(upstream, { prompt: 'Hi' })).text, 'Hello world');
    await sleep(REST_MS);
  }
  t.equal(server.connections() - before, 1);
});

t.test('a connection that a server closes under the next request is no failure of that server', async (t) => {
  const server = await startVllm(t);
  const { upstream, tries, states } = await startUpstream(t, [server]);
  for (let i = 0; i < 5; i++) {
    server.behave({ tokens: ['one'] });
    t.equal((await ask(upstream, { prompt: 'Hi' })).text, 'one');
    await sleep(REST_MS);
    server.behave('reset', { tokens: ['again'] });
    t.equal((await ask(upstream, { prompt: 'Hi' })).text, 'again');
  }
  t.same(new Set(tries()), new Set(['completed']));
  t.same(states(), ['up']);
});

t.test('one that is closed a second time is', async (t) => {
  const server = await startVllm(t);
  const { upstream, tries } = await startUpstream(t, [server]);
  await ask(upstream, { prompt: 'Hi' });
  await sleep(REST_MS);
  server.behave('reset');
  await t.rejects(ask(upstream, { prompt: 'Hi' }), { code: 'engine_unavailable' });
  t.same(tries(), ['completed', 'broken']);
  t.equal(server.requests.length, 3);
});

t.test('who leaves an answer closes its connection, and the next has another', async (t) => {
  const server = await startVllm(t);
  server.behave({ tokens: ['one'], end: 'stall' }, { tokens: ['fine'] });
  const { upstream } = await startUpstream(t, [server]);
  const caller = new AbortController();
  const left = ask(upstream, { prompt: 'Hi' }, caller.signal);
  while (server.active() === 0) await sleep(5);
  caller.abort();
  t.match(await left, { finished: { reason: 'abort' } });
  while (server.active() > 0) await sleep(5);
  t.equal((await ask(upstream, { prompt: 'Hi' })).text, 'fine');
});
