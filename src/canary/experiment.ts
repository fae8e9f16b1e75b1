/** Which arm of an experiment is better, and whether it is over: a pure function over answers (decision 0078). */
import type {
  ArmComparison,
  ArmReport,
  Experiment,
  ExperimentAnswer,
  ExperimentPlan,
  ExperimentReport,
} from '../contracts/experiments.js';
import { MAX_JUDGED_ANSWERS } from '../contracts/registry-limits.js';
import type { JudgePolicy, MetricPolicies, Verdict } from '../contracts/rollouts.js';
import { type Direction, effectOf, mean, median, weigh } from './evidence.js';
import { GOAL_SPECS } from './goals.js';
import { judge, policyOf } from './judge.js';
import { JUDGED_METRIC_NAMES } from './judged-metrics.js';
import { matchBlocks, type Observation } from './matched-blocks.js';

/** Chance that an arm is ever named the winner though another one is as good, in a whole experiment. */
const FALSE_WINNERS = 0.05;
/** Chance that two arms are taken for alike though one is better by the tolerance. */
const FALSE_LIKENESS = 0.05;

export const DEFAULT_EXPERIMENT: Omit<ExperimentPlan, 'goal' | 'arms'> = {
  minimumEffect: 0,
  tolerance: 0.05,
  leastAnswers: 50,
  mostAnswers: MAX_JUDGED_ANSWERS,
  metrics: {},
};

/** Arms may be slower: what they are for, more passages or longer instructions, takes time. */
const GUARDS: MetricPolicies = {
  time_to_first_token: { critical: false },
  time_per_output_token: { critical: false },
};

/** What the arms must not become worse in: the usual policy, but for their times, and for what the plan says. */
export function guardsOf(changes: MetricPolicies): JudgePolicy {
  return policyOf(
    Object.fromEntries(JUDGED_METRIC_NAMES.map((metric) => [metric, { ...GUARDS[metric], ...changes[metric] }])),
  );
}

/** May be asked at any time, as often as one likes. @param answers of the experiment, in any order */
export function judgeExperiment(answers: readonly ExperimentAnswer[], experiment: Experiment): ExperimentReport {
  const { goal, arms } = experiment;
  const byArm = new Map(arms.map(({ name }): [string, ExperimentAnswer[]] => [name, []]));
  for (const answer of answers) byArm.get(answer.arm)?.push(answer);
  const [first, ...others] = arms.map(({ name }) => byArm.get(name)!);
  const guards = guardsOf(experiment.metrics);
  const verdicts = [null, ...others.map((own) => judge([...asArm(first!, 'stable'), ...asArm(own, 'canary')], guards))];
  const reports = arms.map((arm, i) => reportArm(arm, byArm.get(arm.name)!, goal, answers.length, verdicts[i]!));
  const comparisons = arms.flatMap((arm, i) =>
    arms.slice(i + 1).flatMap((other) => compare(experiment, arm.name, other.name, byArm)),
  );
  return { goal, ...conclude(reports, comparisons, experiment), arms: reports, comparisons };
}

function asArm(answers: readonly ExperimentAnswer[], arm: Observation['arm']) {
  return answers.map((answer) => ({ ...answer, arm }));
}

function reportArm(
  { name, weight }: Experiment['arms'][number],
  answers: readonly ExperimentAnswer[],
  goal: Experiment['goal'],
  all: number,
  verdict: Verdict | null,
): ArmReport {
  const { compare, read } = GOAL_SPECS[goal];
  const values = answers.flatMap((answer) => read(answer)?.value ?? []);
  return {
    name,
    weight,
    answers: answers.length,
    shareReached: all === 0 ? null : (100 * answers.length) / all,
    told: values.length,
    value: compare === 'ratio' ? median(values) : mean(values),
    verdict,
  };
}

/** Both ways. */
function compare(
  { goal, minimumEffect, tolerance }: Experiment,
  one: string,
  other: string,
  byArm: ReadonlyMap<string, readonly ExperimentAnswer[]>,
): ArmComparison[] {
  const { compare, better, read } = GOAL_SPECS[goal];
  const known = [...asArm(byArm.get(one)!, 'stable'), ...asArm(byArm.get(other)!, 'canary')].flatMap((answer) => {
    const reading = read(answer);
    return reading === null ? [] : [{ arm: answer.arm, stratum: answer.cluster, ...reading }];
  });
  const blocks = matchBlocks(known.sort((a, b) => a.at - b.at));
  const way = (names: Pick<ArmComparison, 'better' | 'than'>, worse: Direction): ArmComparison => {
    const { ofWorse, ofGood } = weigh(compare, blocks, worse, { minimumEffect, tolerance });
    const effect = effectOf[compare](blocks, worse);
    return { ...names, blocks: blocks.length, effect, evidenceOfBetter: ofWorse, evidenceOfClose: ofGood };
  };
  // The first of the two is the better one as far as the other is worse.
  const opposite = better === 'higher' ? 'lower' : 'higher';
  return [way({ better: one, than: other }, opposite), way({ better: other, than: one }, better)];
}

function conclude(
  arms: readonly ArmReport[],
  comparisons: readonly ArmComparison[],
  { leastAnswers, mostAnswers }: Experiment,
): Pick<ExperimentReport, 'outcome' | 'reason' | 'winner'> {
  const harmful = arms.find(({ verdict }) => verdict?.outcome === 'fail');
  if (harmful) {
    const reason = `${harmful.name} is ${harmful.verdict!.reason} than ${arms[0]!.name}`;
    return { outcome: 'harmful', reason, winner: null };
  }
  const short = arms.find(({ told }) => told < leastAnswers);
  if (!short) {
    // A false one is better than the best of the others, or is one of several that are: one claim for each arm.
    const enough = arms.length / FALSE_WINNERS;
    const winner = arms.find(({ name }) =>
      comparisons.every(({ better, evidenceOfBetter }) => better !== name || evidenceOfBetter >= enough),
    );
    if (winner) return { outcome: 'winner', reason: `${winner.name} is better`, winner: winner.name };
    if (comparisons.every(({ evidenceOfClose }) => evidenceOfClose >= 1 / FALSE_LIKENESS)) {
      return { outcome: 'no_difference', reason: 'no arm is better than another by the tolerance', winner: null };
    }
  }
  if (arms.reduce((sum, { answers }) => sum + answers, 0) >= mostAnswers) {
    return { outcome: 'undecided', reason: `nothing is proven after ${mostAnswers} answers`, winner: null };
  }
  const reason = short ? `${short.told} of ${leastAnswers} answers of ${short.name} that tell` : 'not yet known';
  return { outcome: 'running', reason, winner: null };
}
