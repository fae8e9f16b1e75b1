/**
 * What the judge and the steps do with whole rollouts, over answers that were recorded from the sample gateway: how often
 * a version that is the same is rolled back, how surely one that is worse is, and after how many requests.
 * Looks are every 30 s, as they are by default.
 */
import { DEFAULT_PLAN, decide } from '../src/canary/decide.js';
import { judge } from '../src/canary/judge.js';
import { DEFAULT_POLICY } from '../src/canary/judged-metrics.js';
import { MAX_JUDGED_ANSWERS } from '../src/contracts/registry-limits.js';
import type { JudgedAnswer, Rollout } from '../src/contracts/rollouts.js';
import { createRandom } from '../src/engine/process/random.js';
import { createLiveJudge, type LiveVerdict } from './canary/live-judge.js';
import { answerOf, type Harm, type Recorded, readRecorded } from './canary/traffic.js';
import { quantile } from './load.js';
import type { Bench } from './main.js';

const LOOK_EVERY_MS = 30_000;
const REQUESTS_PER_LOOK = 60;
/** As many answers as the judge is given. A rollout that takes longer is left as it is: neither rolled back nor promoted. */
const MOST_LOOKS = Math.floor(MAX_JUDGED_ANSWERS / REQUESTS_PER_LOOK);
/** Percentage of stable's answers that the canary answers too, seen by nobody. */
const SHADOW = 20;

interface End {
  readonly action: 'promote' | 'rollback' | 'none';
  /** Of both versions, from the beginning. */
  readonly requests: number;
}

const run: Bench = async ({ quick, say }) => {
  const recorded = readRecorded();
  const repeat = (rounds: number, harm: Harm, seed: number, shadow = 0): End[] =>
    Array.from({ length: rounds }, (_, round) => roll(recorded, { harm, shadow }, createRandom(seed + round)));
  const [same, worse] = quick ? [20, 10] : [400, 100];

  const identical = repeat(same, {}, 1);
  const promoted = identical.filter(({ action }) => action === 'promote');
  say(`${same} rollouts of an identical version: ${promoted.length} promoted`);
  const figures: Record<string, number> = {
    rollouts: same,
    false_rollback_rate: shareOf(identical, 'rollback'),
    promoted_rate: shareOf(identical, 'promote'),
    requests_to_promotion_p50: median(promoted),
  };
  const cases: [string, Harm][] = [
    ['errors', { errors: 0.1 }],
    ['ttft', { slower: 1.2 }],
    ['groundedness', { groundedness: 0.1 }],
    ['refusals', { refusals: 0.1 }],
  ];
  const all: End[] = [];
  for (const [index, [name, harm]] of cases.entries()) {
    const ends = repeat(worse, harm, 10_000 * (index + 1));
    const found = ends.filter(({ action }) => action === 'rollback');
    all.push(...found);
    figures[`power_${name}`] = shareOf(ends, 'rollback');
    figures[`requests_to_verdict_${name}_p50`] = median(found);
    say(`${worse} rollouts worse in ${name}: ${found.length} rolled back`);
  }
  const pairs = repeat(worse, { groundedness: 0.1 }, 50_000, SHADOW);
  const found = pairs.filter(({ action }) => action === 'rollback');
  figures.power_groundedness_shadow = shareOf(pairs, 'rollback');
  figures.requests_to_verdict_groundedness_shadow_p50 = median(found);
  say(`${worse} rollouts worse in groundedness, ${SHADOW} % of stable copied: ${found.length} rolled back`);
  const better = repeat(worse, { groundedness: -0.1, slower: 0.8 }, 60_000);
  const adopted = better.filter(({ action }) => action === 'promote');
  figures.promoted_rate_better = shareOf(better, 'promote');
  figures.requests_to_promotion_better_p50 = median(adopted);
  say(`${worse} rollouts of a version that is better: ${adopted.length} promoted`);
  return { ...figures, requests_to_verdict_p50: median(all) };
};
export default run;

/** One rollout by the usual plan, to its end. */
function roll(
  recorded: readonly Recorded[],
  { harm, shadow }: { harm: Harm; shadow: number },
  random: () => number,
): End {
  let rollout: Rollout = { ...DEFAULT_PLAN, step: 0, status: 'running', startedAt: 0, stepStartedAt: 0 };
  const answers: JudgedAnswer[] = [];
  const live = createLiveJudge(DEFAULT_POLICY);
  const add = (answer: JudgedAnswer) => {
    answers.push(answer);
    live.add(answer);
  };
  let canaryAnswers = 0;
  for (let look = 1; look <= MOST_LOOKS; look++) {
    const now = look * LOOK_EVERY_MS;
    for (let n = 0; n < REQUESTS_PER_LOOK; n++) {
      const at = now - LOOK_EVERY_MS * (1 - n / REQUESTS_PER_LOOK);
      const arm = random() * 100 < rollout.steps[rollout.step]! ? 'canary' : 'stable';
      if (arm === 'canary') canaryAnswers += 1;
      const question = recorded[Math.floor(random() * recorded.length)]!;
      const answer = answerOf(question, arm, at, arm === 'canary' ? harm : {}, random);
      const isCopied = arm === 'stable' && answer.outcome === 'completed' && random() * 100 < shadow;
      const pair = isCopied ? `${at}` : null;
      add({ ...answer, pair });
      if (isCopied) add({ ...answerOf(question, 'canary', at, harm, random), pair, isShadow: true });
    }
    const verdict = live.verdict();
    const { action } = decide(rollout, verdict, { canaryAnswers, elapsedMs: now - rollout.stepStartedAt });
    if (action === 'promote' || action === 'rollback') {
      requireSame(verdict, answers);
      return { action, requests: look * REQUESTS_PER_LOOK };
    }
    if (action === 'advance') {
      rollout = { ...rollout, step: rollout.step + 1, stepStartedAt: now };
      canaryAnswers = 0;
    }
  }
  return { action: 'none', requests: MOST_LOOKS * REQUESTS_PER_LOOK };
}

/** What is measured is the judge of the gateway. @throws Error where it would say something else */
function requireSame({ outcome, reason }: LiveVerdict, answers: readonly JudgedAnswer[]): void {
  const whole = judge(answers, DEFAULT_POLICY);
  if (whole.outcome !== outcome || whole.reason !== reason) {
    throw new Error(`the judge says "${whole.reason}" of all answers, and "${reason}" of one after another`);
  }
}

const shareOf = (ends: readonly End[], wanted: End['action']): number =>
  ends.filter(({ action }) => action === wanted).length / ends.length;

const median = (ends: readonly End[]): number =>
  ends.length === 0
    ? Number.NaN
    : quantile(
        ends.map(({ requests }) => requests),
        0.5,
      );
