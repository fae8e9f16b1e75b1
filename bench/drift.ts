/** Drift: how often it is found where there is none, and how soon where there is, by simulation of the monitor itself. */
import type { AnswerSignals } from '../src/contracts/quality.js';
import { BASELINE_ANSWERS, DriftMonitor } from '../src/quality/monitor.js';
import type { Bench } from './main.js';
import { randomNumbers } from './retrieval/random.js';

/** Of 16 topics, the most common asked for ten times as often as the rarest. */
const TOPICS = 16;
const DAILY = 10_000;
const MONTH_DAYS = 30;
/** Share of the traffic that is about something else all at once. */
const MOVED = 0.2;

const run: Bench = async ({ quick, say }) => {
  const random = randomNumbers(1);
  const weights = Array.from({ length: TOPICS }, (_, topic) => 10 ** (-topic / (TOPICS - 1)));
  const questions = weights.map((_, topic) => Float32Array.from(weights, (__, other) => Number(topic === other)));
  const draw = (extra: number | null) => {
    if (extra !== null && random() < MOVED) return extra;
    let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
    const topic = weights.findIndex((weight) => {
      left -= weight;
      return left < 0;
    });
    return Math.max(0, topic);
  };
  const ask = (monitor: DriftMonitor, extra: number | null) => monitor.add(signals(random), questions[draw(extra)]!);
  const trained = () => {
    const monitor = new DriftMonitor(null);
    for (let n = 0; n < BASELINE_ANSWERS; n++) ask(monitor, null);
    return monitor.baseline;
  };

  const months = quick ? 1 : 6;
  let alarms = 0;
  for (let month = 0; month < months; month++) {
    // Each with a baseline of its own: what is not known exactly raises alarms too.
    const monitor = new DriftMonitor(trained());
    for (let n = 0; n < DAILY * MONTH_DAYS; n++) alarms += ask(monitor, null).alarms.length;
    say(`month ${month + 1}: ${alarms} false alarms so far`);
  }

  const needed: number[] = [];
  for (let round = 0; round < (quick ? 32 : 160); round++) {
    const monitor = new DriftMonitor(trained());
    let answers = 1;
    while (ask(monitor, round % TOPICS).alarms.length === 0) answers++;
    needed.push(answers);
  }
  needed.sort((a, b) => a - b);
  return {
    false_alarms_per_month: alarms / months,
    answers_to_detect: needed.reduce((sum, answers) => sum + answers, 0) / needed.length,
    answers_to_detect_p95: needed[Math.floor(0.95 * needed.length)]!,
  };
};
export default run;

function signals(random: () => number): AnswerSignals {
  return {
    topScore: random(),
    words: Math.ceil(random() * 60),
    questionLanguage: 'en',
    refused: random() < 0.1,
    groundedness: random() < 0.05 ? 0.2 : 0.9,
  } as AnswerSignals;
}
