import t from 'tap';
import { createPace } from '../../../../src/retrieval/process/pace.js';

/** A machine on which jobs take time, and wait for a processor, as they are told to. */
function setUp() {
  let nowMs = 0;
  let waitedMs = 0;
  const pace = createPace({ nowMs: () => nowMs, waitedMs: () => waitedMs });
  const work = (tenant: string, tookMs: number, waited: number) =>
    pace.run(tenant, () => {
      nowMs += tookMs;
      waitedMs += waited;
    });
  const pauseMs = (tenant: string) => Math.max(0, pace.readyAtMs(tenant) - nowMs);
  return { pace, work, pauseMs };
}

t.test('who uses little never pauses, who uses much pauses while others want the processors', async (t) => {
  const { pace, work, pauseMs } = setUp();
  await work('flood', 400, 50);
  t.ok(pace.isWithin('flood'));
  t.equal(pauseMs('flood'), 0);
  await work('flood', 400, 50);
  t.notOk(pace.isWithin('flood'));
  t.equal(pauseMs('flood'), 800);
  t.equal(pauseMs('person'), 0);
  await work('person', 20, 15);
  t.equal(pauseMs('person'), 0);
});

t.test('a flood that nobody else minds goes on at full speed', async (t) => {
  const { pace, work, pauseMs } = setUp();
  for (let i = 0; i < 10; i++) await work('flood', 200, 10);
  t.notOk(pace.isWithin('flood'));
  t.equal(pauseMs('flood'), 0);
});

t.test('what a job waited for is not what it used, and one that fails counts', async (t) => {
  const { pace, work } = setUp();
  for (let i = 0; i < 10; i++) await work('person', 100, 80);
  t.ok(pace.isWithin('person'));
  await t.rejects(
    pace.run('person', () => Promise.reject(new Error('broken'))),
    /broken/,
  );
});

t.test('what a job costs elsewhere is told, however long it takes there', async (t) => {
  const { pace, work } = setUp();
  const slow = () => work('nobody', 1000, 0);
  for (let i = 0; i < 10; i++) await pace.run('person', slow, 8);
  t.ok(pace.isWithin('person'));
  pace.charge('flood', 501, false);
  t.notOk(pace.isWithin('flood'));
  t.notOk(pace.asksLittle('flood'));
});

t.test('who has much read, and asks now and then, asks little', async (t) => {
  const { pace, work } = setUp();
  pace.charge('bank', 5000, true);
  t.notOk(pace.isWithin('bank'));
  t.ok(pace.asksLittle('bank'));
  await work('bank', 501, 0);
  t.notOk(pace.asksLittle('bank'));
});
