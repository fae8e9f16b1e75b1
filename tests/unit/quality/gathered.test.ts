import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { GatheredAnswers } from '../../../src/quality/gathered.js';
import { DriftMonitor } from '../../../src/quality/monitor.js';
import { dot } from '../../../src/vectors/dot.js';
import { answerSignals } from '../../fixtures/answer-signals.js';

const NUMBERS = 384;

/** Normalised, and different for each seed. */
function question(seed: number): Float32Array {
  const values = Float32Array.from({ length: NUMBERS }, (_, i) => Math.sin(seed * 131 + i * (i + seed)));
  const norm = Math.sqrt(dot(values, values));
  return values.map((value) => value / norm);
}

t.test('questions are what they were, to a thousandth', async (t) => {
  const gathered = new GatheredAnswers();
  const questions = Array.from({ length: 20 }, (_, n) => question(n));
  for (const one of questions) gathered.add(answerSignals({ words: 3 }), one);
  gathered.add(answerSignals({}), new Float32Array(NUMBERS));
  const all = gathered.all();
  t.equal(all.length, gathered.count);
  for (const [n, one] of questions.entries()) {
    for (const other of questions) t.ok(Math.abs(dot(all[n]!.question, other) - dot(one, other)) < 1e-3);
  }
  t.same(all.at(-1)!.question, new Float32Array(NUMBERS), 'one that says nothing');
  t.match(all[0]!.signals, { words: 3, refused: false });
});

t.test('a baseline to come takes a byte a number', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const answers = 900;
  const monitor = new DriftMonitor(null);
  collect();
  const before = process.memoryUsage().arrayBuffers;
  for (let n = 0; n < answers; n++) monitor.add(answerSignals({}), question(n));
  t.equal(monitor.baseline, null);
  let taken: number;
  // What is collected is given back by a thread of V8's, in its own time.
  for (let tries = 0; ; tries++) {
    collect();
    taken = process.memoryUsage().arrayBuffers - before;
    if (taken < 1.5 * answers * NUMBERS || tries === 100) break;
    await sleep(10);
  }
  t.ok(taken < 1.5 * answers * NUMBERS, `${taken} bytes`);
});
