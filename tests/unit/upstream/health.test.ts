import t from 'tap';
import { afterOutcome, atTime, cameBack, type Health, WELL, weightOf } from '../../../src/upstream/health.js';

const SLOW_START_MS = 10_000;
const after = (outcomes: readonly boolean[], health: Health = WELL, nowMs = 0, mayEject = true) =>
  outcomes.reduce((one, ok) => afterOutcome(one, ok, nowMs, mayEject), health);
const ejected = after([false, false, false]);

t.test('three failures in a row eject, a success between them does not', async (t) => {
  t.equal(ejected.state, 'open');
  t.equal(weightOf(ejected, 0, 0, SLOW_START_MS), 0);
  t.equal(after([false, false, true, false, false]).state, 'closed');
});

t.test('so does failing much more often than others', async (t) => {
  const often = Array.from({ length: 20 }, (_, n) => n % 2 === 0);
  t.equal(after(often).state, 'open');
  t.equal(after(often, WELL, 0, false).state, 'closed', 'unless too many are ejected already');
});

t.test('an ejection ends with one request as a trial, and the next one is longer', async (t) => {
  t.equal(atTime(ejected, 999).state, 'open');
  const trial = atTime(ejected, 1000);
  t.equal(trial.state, 'trial');
  t.ok(weightOf(trial, 0, 1000, SLOW_START_MS) > 0);
  t.equal(weightOf(trial, 1, 1000, SLOW_START_MS), 0, 'no second one beside it');
  const again = afterOutcome(trial, false, 1000, true);
  t.equal(atTime(again, 2999).state, 'open');
  t.equal(atTime(again, 3000).state, 'trial');
});

t.test('one that is well again works up to its share', async (t) => {
  for (const health of [afterOutcome(atTime(ejected, 1000), true, 1000, true), cameBack(1000)]) {
    t.equal(weightOf(health, 0, 1000, SLOW_START_MS), 0.1);
    t.equal(weightOf(health, 0, 6000, SLOW_START_MS), 0.5);
    t.equal(weightOf(health, 0, 50_000, SLOW_START_MS), 1);
  }
  t.equal(weightOf(WELL, 0, 0, SLOW_START_MS), 1);
});
