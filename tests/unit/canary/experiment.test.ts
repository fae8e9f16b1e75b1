import t from 'tap';
import { guardsOf, judgeExperiment } from '../../../src/canary/experiment.js';
import { DEFAULT_POLICY } from '../../../src/canary/judged-metrics.js';
import type { Goal } from '../../../src/contracts/experiments.js';
import { createRandom } from '../../../src/engine/process/random.js';
import { answersOf, experiment } from '../../fixtures/experiments.js';

const BOTH = ['long', 'short'];
const THREE = {
  arms: ['a', 'b', 'c'].map((name) => ({ name, weight: name === 'c' ? 50 : 25 })),
};

t.test('without answers nothing is known, and it goes on', async (t) => {
  const report = judgeExperiment([], experiment());
  t.match(report, { outcome: 'running', winner: null, reason: '0 of 10 answers of long that tell' });
  t.match(report.arms, [
    { name: 'long', answers: 0, value: null, shareReached: null, verdict: null },
    { name: 'short', verdict: { outcome: 'inconclusive' } },
  ]);
  t.match(report.comparisons, [
    { better: 'long', than: 'short', blocks: 0, effect: null },
    { better: 'short', than: 'long' },
  ]);
});

t.test('of each goal the better arm wins, with the figures for it', async (t) => {
  const better: Record<Goal, Parameters<typeof answersOf>[2]> = {
    feedback: (arm, n) => ({ feedback: { at: n, rating: arm === 'short' || n % 2 === 0 ? 'up' : 'down' } }),
    accepted: (arm, n) => ({ review: { at: n, isAccepted: arm === 'short' || n % 2 === 0 } }),
    groundedness: (arm) => ({ signals: { groundedness: arm === 'short' ? 0.9 : 0.5 } }),
    cost: (arm, n) => ({ tokens: (arm === 'short' ? 200 : 300) + (n % 7) }),
  };
  for (const goal of Object.keys(better) as Goal[]) {
    const report = judgeExperiment(answersOf(BOTH, 80, better[goal]), experiment({ goal }));
    t.match(report, { goal, outcome: 'winner', winner: 'short', reason: 'short is better' }, goal);
    const [theirs, own] = report.comparisons;
    t.ok(own!.evidenceOfBetter >= 40 && own!.effect! > 0, `${goal}: ${JSON.stringify(own)}`);
    t.ok(theirs!.evidenceOfBetter < 40 && theirs!.effect! < 0, goal);
    t.match(report.arms, [{ told: 80, shareReached: 50 }, { told: 80 }], goal);
  }
});

t.test('the winner is better than each other arm, and by more than the minimum effect', async (t) => {
  const tokens = (arm: string, n: number) => ({ tokens: { a: 300, b: 200, c: 195 }[arm]! + (n % 7) });
  const close = judgeExperiment(answersOf(['a', 'b', 'c'], 300, tokens), experiment({ ...THREE, minimumEffect: 0.1 }));
  t.match(close, { outcome: 'running', reason: 'not yet known' });
  t.equal(close.comparisons.length, 6);
  const clear = judgeExperiment(answersOf(['a', 'b', 'c'], 300, tokens), experiment(THREE));
  t.match(clear, { outcome: 'winner', winner: 'c' });
});

t.test('arms that cost the same are found to', async (t) => {
  const random = createRandom(3);
  const answers = answersOf(BOTH, 600, () => ({ tokens: 300 + Math.floor(random() * 20) }));
  t.match(judgeExperiment(answers, experiment({ tolerance: 0.1 })), { outcome: 'no_difference', winner: null });
});

t.test('an arm that is worse in what is critical ends it, whatever it wins by', async (t) => {
  const harm = (arm: string, n: number) =>
    arm === 'short' ? { tokens: 50, outcome: n % 3 === 0 ? 'generation_failed' : 'completed' } : {};
  const report = judgeExperiment(answersOf(BOTH, 200, harm), experiment());
  t.match(report, { outcome: 'harmful', winner: null, reason: 'short is worse in errors than long' });
  t.match(report.arms[1]!.verdict, { outcome: 'fail', metrics: [{ metric: 'errors', outcome: 'fail' }] });
  const slow = answersOf(BOTH, 200, (arm) => (arm === 'short' ? { tokens: 50, firstTokenMs: 900 } : {}));
  t.match(judgeExperiment(slow, experiment()), { outcome: 'winner', winner: 'short' }, 'what it is for may take time');
  const strict = experiment({ metrics: { time_to_first_token: { critical: true } } });
  t.match(judgeExperiment(slow, strict), { outcome: 'harmful', reason: /time_to_first_token/ });
});

t.test('what does not differ from the usual policy is the usual policy', async (t) => {
  const { errors, time_to_first_token: first } = guardsOf({ errors: { minimumEffect: 0.5 } });
  t.same(errors, { ...DEFAULT_POLICY.errors, minimumEffect: 0.5 });
  t.same(first, { ...DEFAULT_POLICY.time_to_first_token, critical: false });
});

t.test('with as many answers as it may have it is over', async (t) => {
  const mixed = answersOf(BOTH, 50, (arm, n) => ({ tokens: 200 + 100 * ((arm === 'long' ? n + 1 : n) % 3) }));
  t.match(judgeExperiment(mixed, experiment({ mostAnswers: 101 })), { outcome: 'running' });
  t.match(judgeExperiment(mixed, experiment({ mostAnswers: 100 })), {
    outcome: 'undecided',
    reason: /after 100 answers/,
  });
});

t.test(
  'arms that are alike are told apart in fewer than one of 20 experiments, though every answer is looked at',
  async (t) => {
    const random = createRandom(11);
    let wrong = 0;
    for (let round = 0; round < 200; round++) {
      // Evidence is the most that ever was, so the last look knows of all before it.
      const answers = answersOf(['a', 'b', 'c'], 60, (_, n) => ({
        feedback: { at: n, rating: random() < 0.7 ? 'up' : 'down' },
      }));
      if (judgeExperiment(answers, experiment({ ...THREE, goal: 'feedback' })).outcome === 'winner') wrong++;
    }
    t.ok(wrong <= 10, `${wrong} of 200`);
  },
);
