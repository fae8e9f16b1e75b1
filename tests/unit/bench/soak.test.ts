import t from 'tap';
import { type Call, countErrors, isExplained, medianSlope, p99Drift } from '../../../bench/soak/tally.js';

const call = (error: string | null, startMs = 0, endMs = 10): Call => ({ user: 'chat', startMs, endMs, error });
const killed = { kind: 'engine', fromMs: 100, toMs: 200 } as const;

t.test('an error is explained by a fault of its kind that the call met, and by nothing else', (t) => {
  t.ok(isExplained(call(null), []));
  t.ok(isExplained(call('engine_unavailable', 150, 160), [killed]));
  t.ok(isExplained(call('engine_unavailable', 50, 110), [killed]), 'it was under way');
  t.notOk(isExplained(call('engine_unavailable', 50, 90), [killed]), 'before');
  t.notOk(isExplained(call('engine_unavailable', 210, 220), [killed]), 'after');
  t.notOk(isExplained(call('retrieval_unavailable', 150, 160), [killed]), 'another part');
  t.notOk(isExplained(call('internal', 150, 160), [killed]), 'not retryable');
  t.notOk(isExplained(call('broken stream', 150, 160), [killed]));
  t.notOk(isExplained(call('engine_unavailable', 150, 160), [{ ...killed, kind: 'clock' }]));
  t.end();
});

t.test('errors are counted by who met them', (t) => {
  const calls = [call('engine_unavailable', 150, 160), call('engine_unavailable'), call(null), call('internal')];
  t.strictSame(countErrors(calls, [killed]), [
    { user: 'chat', error: 'engine_unavailable', explained: 1, unexplained: 1 },
    { user: 'chat', error: 'internal', explained: 0, unexplained: 1 },
  ]);
  t.end();
});

t.test('a slope is that of the line, whatever a few points are', (t) => {
  const points = Array.from({ length: 50 }, (_, x) => [x, 100 + 3 * x + (x % 10 === 0 ? 500 : 0)] as const);
  t.ok(Math.abs(medianSlope(points) - 3) < 0.2);
  t.end();
});

t.test('the drift compares the last third with the first, by calls that went well', (t) => {
  const calls = Array.from({ length: 90 }, (_, n) => call(null, n * 10, n * 10 + (n < 60 ? 2 : 4)));
  t.equal(p99Drift([...calls, call('internal', 800, 899)], 0, 900), 2);
  t.end();
});
