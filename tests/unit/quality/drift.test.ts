import t from 'tap';
import type { KeptBaseline } from '../../../src/contracts/registry.js';
import { createMetrics } from '../../../src/metrics/metrics.js';
import { accumulate, NO_CHANGE, rateBounds, stabilityIndex } from '../../../src/quality/drift.js';
import { BASELINE_ANSWERS, DriftMonitor } from '../../../src/quality/monitor.js';
import { nearestTopic, topicsOf } from '../../../src/quality/topics.js';
import { createDriftWatch } from '../../../src/quality/watch-drift.js';
import { answerRecord } from '../../fixtures/answer-record.js';
import { answerSignals } from '../../fixtures/answer-signals.js';

const TOPICS = [Float32Array.of(1, 0, 0), Float32Array.of(0, 1, 0), Float32Array.of(0, 0, 1)];

/** Of every ten questions six are about the first topic, three about the second, one about the third. */
const usual = (n: number) => TOPICS[n % 10 < 6 ? 0 : n % 10 < 9 ? 1 : 2]!;

const trained = () => {
  const monitor = new DriftMonitor(null);
  for (let n = 0; n < BASELINE_ANSWERS; n++)
    monitor.add(answerSignals({ refused: n % 10 === 0, questionLanguage: 'en' }), usual(n));
  return monitor;
};

t.test('the stability index is nothing for the same distribution and grows with the difference', async (t) => {
  t.equal(stabilityIndex([60, 30, 10], [600, 300, 100]), 0);
  const some = stabilityIndex([60, 30, 10], [50, 30, 20]);
  t.ok(some > 0.05 && some < 0.2);
  t.ok(stabilityIndex([60, 30, 10], [10, 30, 60]) > 0.25);
  t.ok(Number.isFinite(stabilityIndex([1, 0], [0, 1])), 'a bin without any');
});

t.test('a sum grows with a rate that changed, to either side, and not with one that did not', async (t) => {
  const bounds = rateBounds(0.1, 1000);
  t.ok(bounds.low < 0.1 && bounds.high > 0.1);
  const after = (every: number) => {
    let sum = NO_CHANGE;
    for (let n = 0; n < 500; n++) sum = accumulate(sum, n % every === 0, bounds, 1.7);
    return sum;
  };
  t.ok(after(10).upper < 5 && after(10).lower < 5);
  t.ok(after(3).upper > 14 && after(3).lower < 5);
  t.ok(after(1000).lower > 14 && after(1000).upper < 5);
});

t.test('topics are what questions are near to', async (t) => {
  const near = Float32Array.of(0.98, 0.199, 0);
  const topics = topicsOf([near, TOPICS[0]!, TOPICS[1]!, TOPICS[2]!, TOPICS[2]!], 3);
  t.equal(topics.length, 3);
  t.equal(nearestTopic(TOPICS[0]!, topics), nearestTopic(near, topics));
  t.not(nearestTopic(TOPICS[0]!, topics), nearestTopic(TOPICS[1]!, topics));
  t.equal(topicsOf([TOPICS[0]!], 16).length, 1, 'no more topics than questions');
});

t.test('what stays as it was raises nothing; what changes is found, once', async (t) => {
  const same = trained();
  const alarms: string[] = [];
  let psi = null;
  for (let n = 0; n < 2000; n++) {
    const drift = same.add(answerSignals({ refused: n % 10 === 0, questionLanguage: 'en' }), usual(n));
    alarms.push(...drift.alarms);
    psi = drift.psi;
  }
  t.same(alarms, []);
  t.match(psi, { topics: 0, words: 0, languages: 0 });

  const moved = new DriftMonitor(same.baseline);
  const found: [number, string][] = [];
  for (let n = 0; n < 1000; n++) {
    const question = n % 5 === 0 ? TOPICS[2]! : usual(n);
    const drift = moved.add(answerSignals({ refused: n % 10 === 0, questionLanguage: 'de' }), question);
    found.push(...drift.alarms.map((of): [number, string] => [n, of]));
    psi = drift.psi;
  }
  const more = found.filter(([, of]) => of === `topic ${same.topicOf(TOPICS[2]!)}`);
  t.equal(more.length, 1);
  t.ok(more[0]![0] < 500, `after ${more[0]![0]} answers`);
  t.ok(psi!.topics > 0.05 && psi!.languages > 0.25);

  const refusing = new DriftMonitor(same.baseline);
  const refusals: string[] = [];
  for (let n = 0; n < 200; n++)
    refusals.push(...refusing.add(answerSignals({ refused: n % 2 === 0 }), usual(n)).alarms);
  t.same(refusals, ['refusals']);
});

t.test('a baseline is kept, and goes on after a restart', async (t) => {
  const kept = new Map<string, KeptBaseline>();
  const baselines = {
    baselineTime: async (tenant: string, deployment: string) => kept.get(`${tenant}/${deployment}`)?.createdAt ?? null,
    getBaseline: async (tenant: string, deployment: string) => kept.get(`${tenant}/${deployment}`) ?? null,
    putBaseline: async (tenant: string, deployment: string, text: string) => {
      const baseline = { text, createdAt: kept.size + 1 };
      kept.set(`${tenant}/${deployment}`, baseline);
      return baseline.createdAt;
    },
  };
  const clock = { now: () => 0, monotonicMs: () => 0 };
  const told: string[] = [];
  let now = 0;
  const open = (baselineDays = 0) => {
    const metrics = createMetrics({ maxLabelValues: 10 }, clock);
    return {
      metrics,
      watch: createDriftWatch({
        baselines,
        baselineDays,
        clock: { now: () => now },
        metrics,
        onDrift: (...what) => told.push(what.join(' ')),
      }),
    };
  };
  const record = answerRecord({});
  const first = open();
  for (let n = 0; n < BASELINE_ANSWERS; n++) t.equal(await first.watch(record, answerSignals({}), usual(n)), null);
  t.same([...kept.keys()], ['bank/assistant']);

  const { watch, metrics } = open();
  for (let n = 0; n < 600; n++) {
    const topic = await watch(record, answerSignals({ refused: true }), usual(n));
    t.ok(topic !== null && topic >= 0);
  }
  t.same(told, ['bank assistant refusals']);
  const text = await metrics.render();
  t.match(text, 'switchyard_query_drift_psi{tenant="bank",deployment="assistant",of="topics"} 0');
  t.match(text, 'switchyard_drift_alarms_total{tenant="bank",deployment="assistant",of="refusals"} 1');

  kept.clear();
  for (let n = 0; n < BASELINE_ANSWERS; n++) {
    t.equal(await watch(record, answerSignals({ refused: true }), usual(n)), null, 'it is gathered anew');
  }
  t.match(await metrics.render(), 'query_drift_psi{tenant="bank",deployment="assistant",of="topics"} Nan');
  t.equal(kept.size, 1);
  for (let n = 0; n < 600; n++) await watch(record, answerSignals({ refused: true }), usual(n));
  t.equal(told.length, 1, 'what was drift is the usual now');

  const [{ createdAt }] = [...kept.values()] as [KeptBaseline];
  const rolling = open(30);
  now = createdAt + 30 * 24 * 3600 * 1000;
  for (let n = 0; n < BASELINE_ANSWERS; n++) {
    t.type(
      await rolling.watch(record, answerSignals({ words: 100 }), usual(n)),
      'number',
      'the old one counts meanwhile',
    );
  }
  t.same(told.slice(1), ['bank assistant refusals']);
  t.match(await rolling.metrics.render(), 'query_drift_psi{tenant="bank",deployment="assistant",of="words"} Nan');
  for (let n = 0; n < 600; n++) await rolling.watch(record, answerSignals({ words: 100 }), usual(n));
  t.equal(told.length, 2);
  t.match(await rolling.metrics.render(), 'query_drift_psi{tenant="bank",deployment="assistant",of="words"} 0');
});
