import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { restartDelayMs, SupervisedProcess } from '../../../src/processes/supervised-process.js';

// They wait for each other's clocks, and for no processor.
t.jobs = 3;

t.test('pauses between restarts double up to ten seconds', async (t) => {
  t.same([1, 2, 3, 7, 8, 1000].map(restartDelayMs), [100, 200, 400, 6400, 10_000, 10_000]);
});

/** A real child process, and what happens to it in order. */
function start(t: Test) {
  const events = new EventTarget();
  const happens = (type: string) => once(events, type);
  const child = new SupervisedProcess<{ type: string }, { type: string; pid?: number }>({
    name: 'test',
    main: fileURLToPath(new URL(`../../fixtures/processes/child${path.extname(import.meta.url)}`, import.meta.url)),
    first: { type: 'first' },
    hangTimeoutMs: 3000,
    clock: { now: Date.now, monotonicMs: () => performance.now() },
    log: { warn: () => {} },
    onMessage: ({ type }) => events.dispatchEvent(new Event(type)),
    onDown: () => events.dispatchEvent(new Event('down')),
    onRestart: () => events.dispatchEvent(new Event('restart')),
  });
  t.teardown(() => child.close());
  return { child, happens };
}

for (const [what, hang] of [
  ['is stopped', (child) => process.kill(child.pid!, 'SIGSTOP')],
  ['is busy for ever', (child) => child.send({ type: 'spin' })],
] as [string, (child: SupervisedProcess<{ type: string }, { type: string }>) => void][]) {
  t.test(`a process that lives but ${what} is ended, and another one serves`, async (t) => {
    const { child, happens } = start(t);
    await happens('ready');
    t.equal(child.ready, true);
    const { pid } = child;
    const down = happens('down');
    hang(child);
    await down;
    t.match(child.down, { reason: 'the test process did not answer for 3 s', retryAfterS: 1 });
    t.equal(child.ready, false);
    await happens('ready');
    t.not(child.pid, pid);
    child.send({ type: 'echo' });
    await happens('echo');
  });
}

t.test('a process that has nothing to say lives on', async (t) => {
  const { child, happens } = start(t);
  await happens('ready');
  const { pid } = child;
  await new Promise((resolve) => setTimeout(resolve, 4000));
  child.send({ type: 'echo' });
  await happens('echo');
  t.equal(child.pid, pid);
});
