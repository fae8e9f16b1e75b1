import t from 'tap';
import { calibrate, threadCandidates } from '../../../src/engine/process/calibration.js';
import type { ModelRunner } from '../../../src/engine/process/runner.js';

/** A runner whose steps take what `msOf` says; some take far longer, as where other processes run too. */
function fakeRunner(msOf: (threads: number, tokens: number, start: number) => number, exact = true) {
  let nowMs = 0;
  let runs = 0;
  const threads: number[] = [];
  const rows = new Set<string>();
  const runner: ModelRunner = {
    exact,
    kvStore: null,
    passageStore: null,
    useThreads: (count) => threads.push(count),
    run: (segments) => {
      const tokens = segments.reduce((sum, { ids }) => sum + ids.length, 0);
      nowMs += msOf(threads.at(-1)!, tokens, segments[0]!.start) + (runs++ % 3 === 0 ? 1000 : 0);
      rows.add(segments.map(({ ids, logits }) => `${ids.length}/${logits}`).join());
      return [];
    },
    writeAdapter: () => {},
  };
  return { runner, threads, rows, measuring: { slots: 4, contextTokens: 2048, now: () => nowMs } };
}

t.test('a core may have two processors', async (t) => {
  t.same(threadCandidates(1), [1]);
  t.same(threadCandidates(2), [2, 1]);
  t.same(threadCandidates(8), [8, 4]);
  t.same(threadCandidates(5), [5, 3]);
});

t.test('the number of threads that is fastest runs, and steps take what their shortest times say', async (t) => {
  const { runner, threads, measuring } = fakeRunner(
    (count, tokens, start) => (count === 2 ? 12 + 2 * tokens : 30 + 5 * tokens) + 0.01 * tokens * start,
  );
  const { profile, ...rest } = calibrate(runner, [2, 1], measuring);
  t.same(rest, { threads: 2 });
  t.equal(threads.at(-1), 2);
  t.same(
    profile.answers,
    [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64].map((tokens) => [tokens, 12 + 2 * tokens]),
  );
  t.same(
    profile.prompts,
    [1, 16, 64, 192].map((tokens) => [tokens, 12 + 2 * tokens]),
  );
  t.ok(Math.abs(profile.attendedMs - 0.01) < 1e-6, `${profile.attendedMs}`);
});

t.test('fewer threads are taken only where they are plainly faster', async (t) => {
  const { runner, threads, measuring } = fakeRunner((count, tokens) => (count === 4 ? 19.5 : 20) + tokens);
  t.match(calibrate(runner, [8, 4], measuring), { threads: 8 });
  t.equal(threads.at(-1), 8, 'and the runner goes back to the more');
  const twins = fakeRunner((count, tokens) => (count === 4 ? 15 : 20) + tokens);
  t.match(calibrate(twins.runner, [8, 4], twins.measuring), { threads: 4 });
});

t.test('a number of threads that is given is not compared with others', async (t) => {
  const { runner, threads, measuring } = fakeRunner((_, tokens) => tokens);
  t.match(calibrate(runner, [3], measuring), { threads: 3 });
  t.same(threads, [3]);
});

t.test('a step of more tokens is never held for shorter', async (t) => {
  const { runner, measuring } = fakeRunner((_, tokens) => 30 - tokens / 10);
  const { answers } = calibrate(runner, [1], measuring).profile;
  t.ok(answers.every(([, ms]) => ms === answers[0]![1]));
});

t.test(
  'a neighbour that was busy while small steps were measured makes only these look slow, and no slower than larger ones',
  async (t) => {
    const { runner, measuring } = fakeRunner((_, tokens) => (tokens === 2 ? 500 : 12 + 2 * tokens));
    const { answers } = calibrate(runner, [1], measuring).profile;
    t.same(answers.slice(0, 4), [
      [1, 14],
      [2, 20],
      [4, 20],
      [6, 24],
    ]);
  },
);

t.test('answers are measured as drafts are verified, or a token a row where none can be', async (t) => {
  const exact = fakeRunner(() => 1);
  calibrate(exact.runner, [1], exact.measuring);
  t.ok(exact.rows.has('2/2,2/2,2/2,2/2'));
  t.ok(exact.rows.has('64/1'));
  const stock = fakeRunner(() => 1, false);
  calibrate(stock.runner, [1], stock.measuring);
  t.ok(stock.rows.has('1/1,1/1,1/1,1/1'));
  t.notOk([...stock.rows].some((row) => row.startsWith('2/')));
});
