import t from 'tap';
import { calibrate, threadCandidates } from '../../../src/engine/process/calibration.js';
import type { ModelRunner } from '../../../src/engine/process/runner.js';

/** A runner whose steps take what `msOf` says; some take far longer, as where other processes run too. */
function fakeRunner(msOf: (threads: number, tokens: number) => number, exact = true) {
  let nowMs = 0;
  let runs = 0;
  const threads: number[] = [];
  const wanted = new Set<number>();
  const runner: ModelRunner = {
    exact,
    kvStore: null,
    useThreads: (count) => threads.push(count),
    run: ([segment]) => {
      nowMs += msOf(threads.at(-1)!, segment!.ids.length) + (runs++ % 3 === 0 ? 1000 : 0);
      wanted.add(segment!.logits);
      return [];
    },
    writeAdapter: () => {},
  };
  return { runner, threads, wanted, now: () => nowMs };
}

t.test('a core may have two processors', async (t) => {
  t.same(threadCandidates(1), [1]);
  t.same(threadCandidates(2), [2, 1]);
  t.same(threadCandidates(8), [8, 4]);
  t.same(threadCandidates(5), [5, 3]);
});

t.test('the number of threads that is fastest runs, and the step costs what its shortest times say', async (t) => {
  const { runner, threads, now } = fakeRunner((count, tokens) => (count === 2 ? 12 + 2 * tokens : 30 + 5 * tokens));
  t.same(calibrate(runner, [2, 1], now), { threads: 2, cost: { fixedMs: 12, tokenMs: 2 } });
  t.equal(threads.at(-1), 2);
});

t.test('fewer threads are taken only where they are plainly faster', async (t) => {
  const { runner, threads, now } = fakeRunner((count, tokens) => (count === 4 ? 19.5 : 20) + tokens);
  t.match(calibrate(runner, [8, 4], now), { threads: 8 });
  t.equal(threads.at(-1), 8, 'and the runner goes back to the more');
  const twins = fakeRunner((count, tokens) => (count === 4 ? 15 : 20) + tokens);
  t.match(calibrate(twins.runner, [8, 4], twins.now), { threads: 4 });
});

t.test('a number of threads that is given is not compared with others', async (t) => {
  const { runner, threads, now } = fakeRunner((_, tokens) => tokens);
  t.match(calibrate(runner, [3], now), { threads: 3, cost: { fixedMs: 0, tokenMs: 1 } });
  t.same(threads, [3]);
});

t.test('a step of many tokens that is no dearer than one of a single costs nothing a token', async (t) => {
  const { runner, now } = fakeRunner((_, tokens) => 30 - tokens);
  t.same(calibrate(runner, [1], now).cost, { fixedMs: 29, tokenMs: 0 });
});

t.test('steps are measured as drafts are verified: all logits, where the runner can be drafted for', async (t) => {
  const exact = fakeRunner(() => 1);
  calibrate(exact.runner, [1], exact.now);
  t.same([...exact.wanted], [8, 1]);
  const stock = fakeRunner(() => 1, false);
  calibrate(stock.runner, [1], stock.now);
  t.same([...stock.wanted], [1]);
});
