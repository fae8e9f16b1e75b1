/** Servers that refuse for a while, all of them, under load. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { AppError } from '../../../src/errors/app-error.js';
import { ask } from '../../fixtures/engine/engine.js';
import { startUpstream } from '../../fixtures/upstream/upstream.js';
import { startVllm } from '../../fixtures/upstream/vllm.js';

const REQUESTS = 300;
const AT_ONCE = 8;
const RETRY_PERCENT = 20;

for (const [status, code] of [
  [429, 'queue_full'],
  [503, 'engine_unavailable'],
] as const) {
  t.test(`a storm of ${status} is passed on as what may be tried again, is not made worse, and ends`, async (t) => {
    const servers = [await startVllm(t), await startVllm(t), await startVllm(t)] as const;
    for (const server of servers) server.behave({ status });
    const { upstream, tries } = await startUpstream(t, servers, { retryPercent: RETRY_PERCENT, slots: AT_ONCE });
    const errors = new Map<string, number>();
    let left = REQUESTS;
    const call = async () => {
      while (left > 0) {
        left -= 1;
        const error = await ask(upstream, { prompt: `Hi ${left}`, tenant: `tenant-${left % 3}` }).then(
          () => null,
          (reason: unknown) => reason,
        );
        const said = error instanceof AppError && error.spec.retryable ? error.code : String(error);
        errors.set(said, (errors.get(said) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, call));
    t.same([...errors], [[code, REQUESTS]], 'each was told so, and none hangs');
    const asked = servers.reduce((sum, { requests }) => sum + requests.length, 0);
    // Ten that a quiet pool has, and its share of what is asked.
    t.ok(asked <= REQUESTS * (1 + RETRY_PERCENT / 100) + 10, `${asked} requests reached the servers`);
    t.equal(tries().length, asked);
    t.match(upstream.status(), { slotsInUse: 0, queued: 0 });

    for (const server of servers) server.behave({ tokens: ['fine'] });
    for (const server of servers) {
      const before = server.requests.length;
      // One that was ejected is tried again after a second or more.
      for (let i = 0; server.requests.length === before; i++) {
        t.equal((await ask(upstream, { prompt: `Hello ${i}` })).text, 'fine');
        await sleep(10);
      }
    }
    t.pass('all of them take traffic again');
  });
}

t.test('a server that refuses half of what it is asked is helped by the others, and nobody notices', async (t) => {
  const servers = [await startVllm(t), await startVllm(t)] as const;
  const stormy = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? { status: 429 } : { tokens: ['fine'] }));
  servers[0].behave(...stormy, { tokens: ['fine'] });
  servers[1].behave({ tokens: ['fine'] });
  const { upstream, states } = await startUpstream(t, servers);
  for (let i = 0; i < 60; i++) t.equal((await ask(upstream, { prompt: `Hi ${i}` })).text, 'fine');
  t.same(states(), ['up', 'up'], 'who has too much to do is not ill');
});
