import t from 'tap';
import { judge, policyOf } from '../../../src/canary/judge.js';
import { DEFAULT_POLICY } from '../../../src/canary/judged-metrics.js';
import type { JudgedAnswer, JudgedMetric, MetricVerdict } from '../../../src/contracts/rollouts.js';
import { bothArms, judgedAnswer } from '../../fixtures/judged-answers.js';

const same = () => ({});
const of = (answers: readonly JudgedAnswer[], metric: JudgedMetric): MetricVerdict =>
  judge(answers, DEFAULT_POLICY).metrics.find((verdict) => verdict.metric === metric)!;

t.test('without answers nothing is known, and nothing passes', async (t) => {
  const verdict = judge([], DEFAULT_POLICY);
  t.match(verdict, { outcome: 'inconclusive', canaryAnswers: 0, shareReached: null });
  t.match(verdict.reason, /not yet known: errors, time_to_first_token/);
  t.ok(verdict.metrics.every(({ outcome, effect }) => outcome === 'inconclusive' && effect === null));
});

t.test('a version that is the same passes once there are answers enough, and not before', async (t) => {
  t.equal(judge(bothArms(20), DEFAULT_POLICY).outcome, 'inconclusive');
  const verdict = judge(bothArms(300), DEFAULT_POLICY);
  t.match(verdict, { outcome: 'pass', stableAnswers: 300, canaryAnswers: 300, shareReached: 50 });
});

t.test('each metric that is worse fails, with the figures for it', async (t) => {
  const one = (metric: JudgedMetric, answers: JudgedAnswer[], figures: Partial<MetricVerdict>) =>
    t.match(of(answers, metric), { outcome: 'fail', ...figures }, metric);
  const every = (n: number, of: number) => n % of === 0;
  one(
    'errors',
    bothArms(300, (n) => (every(n, 5) ? { outcome: 'generation_failed' } : {}), same),
    {
      stable: 0,
      canary: 0.2,
      effect: 0.2,
    },
  );
  one(
    'time_to_first_token',
    bothArms(300, () => ({ firstTokenMs: 150 }), same),
    { canary: 150 },
  );
  one(
    'time_per_output_token',
    bothArms(300, () => ({ perTokenMs: 30 }), same),
    { canary: 30 },
  );
  one(
    'groundedness',
    bothArms(300, (n) => ({ signals: { groundedness: every(n, 2) ? 0.9 : 0.5 } }), same),
    {},
  );
  one(
    'citation_validity',
    bothArms(300, (n) => ({ signals: { citationValidity: n % 2 } }), same),
    { canary: 0.5 },
  );
  one(
    'refusals',
    bothArms(300, (n) => ({ signals: { refused: every(n, 4) } }), same),
    { stable: 0, canary: 0.25 },
  );
  one(
    'numbers_grounded',
    bothArms(300, (n) => ({ signals: { numbersGrounded: n % 2 } }), same),
    {},
  );
  one(
    'length',
    bothArms(300, () => ({ signals: { words: 90 } }), same),
    {},
  );
  one(
    'length',
    bothArms(300, () => ({ signals: { words: 9 } }), same),
    {},
  );
  one(
    'policy_hits',
    bothArms(
      300,
      (n) => ({ policyHit: every(n, 4) }),
      () => ({ policyHit: false }),
    ),
    { stable: 0, canary: 0.25, critical: true },
  );
  const rated = (rating: 'up' | 'down') => () => ({ feedback: { at: 1, rating } });
  one('feedback', bothArms(300, rated('down'), rated('up')), { stable: 1, canary: 0, effect: 1 });
});

t.test('what is better never fails', async (t) => {
  const worse = (n: number) => ({
    outcome: n % 5 === 0 ? 'generation_failed' : 'completed',
    firstTokenMs: 200,
    perTokenMs: 40,
    signals: { groundedness: 0.4, citationValidity: n % 2, numbersGrounded: n % 2, refused: n % 3 === 0 },
  });
  const { metrics } = judge(bothArms(300, same, worse), DEFAULT_POLICY);
  t.same(
    metrics.filter(({ outcome }) => outcome === 'fail'),
    [],
  );
});

t.test('what the caller did wrong, and who hangs up, is no error of a version', async (t) => {
  const outcomes = ['aborted', 'context_length_exceeded', 'invalid_value'];
  const answers = bothArms(90, (n) => ({ outcome: outcomes[n % 3]! }), same);
  t.match(of(answers, 'errors'), { canaryAnswers: 0, blocks: 0, outcome: 'inconclusive' });
});

t.test('only what is critical rolls back; the rest holds the rollout', async (t) => {
  const answers = bothArms(400, () => ({ signals: { words: 120 } }), same);
  t.match(judge(answers, DEFAULT_POLICY), { outcome: 'inconclusive', reason: 'held: worse in length' });
  const strict = policyOf({ length: { critical: true } });
  t.match(judge(answers, strict), { outcome: 'fail', reason: 'worse in length' });
});

t.test('a metric without data stands in the way only where it must have data', async (t) => {
  const ungrounded = bothArms(400, () => ({ signals: { groundedness: null } }));
  t.equal(judge(ungrounded, DEFAULT_POLICY).outcome, 'pass');
  const strict = policyOf({ groundedness: { mustHaveData: true } });
  t.match(judge(ungrounded, strict), { outcome: 'inconclusive', reason: 'not yet known: groundedness' });
});

t.test('another mix of questions is not taken for a worse version', async (t) => {
  // Questions of cluster 1 are hard for both versions, and the canary has most of them.
  const answers: JudgedAnswer[] = [];
  for (let n = 0; n < 1200; n++) {
    const arm = n % 2 === 0 ? 'stable' : 'canary';
    const hard = n % 10 < (arm === 'canary' ? 7 : 3) ? 1 : 0;
    answers.push(judgedAnswer(arm, n, { cluster: hard, signals: { groundedness: hard ? 0.4 : 0.9 } }));
  }
  t.match(of(answers, 'groundedness'), { outcome: 'pass', effect: 0 });
  const blind = answers.map((answer) => ({ ...answer, cluster: null }));
  t.equal(of(blind, 'groundedness').outcome, 'fail', 'without clusters it would be');
});

t.test('an hour of load is not taken for a slower version', async (t) => {
  // The load comes when the canary has more weight.
  const answers: JudgedAnswer[] = [];
  for (let n = 0; n < 1000; n++) {
    const loaded = n >= 500;
    const arm = n % (loaded ? 2 : 10) === 0 ? 'canary' : 'stable';
    answers.push(judgedAnswer(arm, n, { firstTokenMs: (loaded ? 400 : 100) + (n % 13) }));
  }
  t.not(of(answers, 'time_to_first_token').outcome, 'fail');
});

t.test('a verdict that was reached is not lost by answers that come later, or by their order', async (t) => {
  const worse = bothArms(200, () => ({ signals: { groundedness: 0.3 } }), same);
  const later = bothArms(200).map((answer) => ({ ...answer, signals: { ...answer.signals!, at: 10_000 } }));
  t.equal(of([...worse, ...later], 'groundedness').outcome, 'fail');
  t.equal(of([...later, ...worse].reverse(), 'groundedness').outcome, 'fail');
});

/** Answers of stable with their copies, which nobody saw. */
function copied(count: number, copy: (n: number) => Parameters<typeof judgedAnswer>[2]): JudgedAnswer[] {
  return Array.from({ length: count }, (_, n) => [
    judgedAnswer('stable', 2 * n, { pair: `p${n}`, cluster: n % 5 }),
    judgedAnswer('canary', 2 * n + 1, { pair: `p${n}`, isShadow: true, ...copy(n) }),
  ]).flat();
}

t.test(
  'copies that nobody saw are compared with what they are copies of, in what they say and in nothing else',
  async (t) => {
    const worse = copied(300, (n) => ({
      outcome: n % 2 === 0 ? 'generation_failed' : 'completed',
      firstTokenMs: 9000,
      perTokenMs: 900,
      signals: { groundedness: n % 2 === 0 ? 0.9 : 0.3 },
      feedback: { at: 1, rating: 'down' },
    }));
    t.match(of(worse, 'groundedness'), { outcome: 'fail', blocks: 300, canaryAnswers: 300 });
    for (const metric of ['errors', 'time_to_first_token', 'time_per_output_token', 'feedback'] as const) {
      t.match(of(worse, metric), { blocks: 0, canaryAnswers: 0, outcome: 'inconclusive' }, metric);
    }
    t.match(judge(worse, DEFAULT_POLICY), {
      outcome: 'fail',
      stableAnswers: 300,
      canaryAnswers: 0,
      shadowAnswers: 300,
      shareReached: 0,
    });
    t.match(
      of(
        copied(300, () => ({})),
        'groundedness',
      ),
      { outcome: 'pass' },
    );
  },
);

t.test('no answer is used twice: what has a copy is not compared with other answers, but for its times', async (t) => {
  const seen = Array.from({ length: 50 }, (_, n) => judgedAnswer('canary', 2 * n + 1));
  const both = [...copied(50, () => ({})), ...seen];
  t.match(of(both, 'groundedness'), { blocks: 50, stableAnswers: 50, canaryAnswers: 100 });
  const clustered = both.map((answer) => ({ ...answer, cluster: null }));
  t.match(of(clustered, 'time_to_first_token'), { blocks: 50, canaryAnswers: 50 });
});
