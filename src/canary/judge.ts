/** Whether the canary is worse than the stable version: a pure function over answers (decision 0040). */
import type {
  JudgedAnswer,
  JudgedMetric,
  JudgePolicy,
  MetricPolicy,
  MetricVerdict,
  Outcome,
  RolloutPlan,
  Verdict,
} from '../contracts/rollouts.js';
import { type Direction, type Evidence, effectOf, mean, median, weigh } from './evidence.js';
import { DEFAULT_POLICY, JUDGED_METRIC_NAMES, JUDGED_METRICS, type Reading } from './judged-metrics.js';
import { matchBlocks, type Observation } from './matched-blocks.js';

/** Chance that a version that is not worse is ever rolled back, in a whole rollout, over all metrics together. */
const FALSE_ROLLBACKS = 0.02;
/** Chance that one metric passes though it is worse by its tolerance. */
const FALSE_PASSES = 0.05;

/** The policy of a rollout: the usual one, but for what its plan says. */
export function policyOf(changes: RolloutPlan['metrics']): JudgePolicy {
  const merged = JUDGED_METRIC_NAMES.map((metric) => [metric, { ...DEFAULT_POLICY[metric], ...changes[metric] }]);
  return Object.fromEntries(merged) as JudgePolicy;
}

/**
 * Fails as soon as a critical metric is proven worse by more than its minimum effect, and passes once every critical
 * metric that has data is proven to be within its tolerance. Both may be asked at any time, as often as one likes.
 * @param answers of both arms since the rollout began, in any order
 */
export function judge(answers: readonly JudgedAnswer[], policy: JudgePolicy): Verdict {
  const falseAlarms = falseAlarmsOf(policy);
  const metrics = JUDGED_METRIC_NAMES.map((metric) => judgeMetric(metric, answers, policy[metric], falseAlarms));
  const seen = answers.filter(({ isShadow }) => !isShadow);
  const canaryAnswers = seen.filter(({ arm }) => arm === 'canary').length;
  return {
    ...conclude(metrics, policy),
    stableAnswers: seen.length - canaryAnswers,
    canaryAnswers,
    shadowAnswers: answers.length - seen.length,
    shareReached: seen.length === 0 ? null : (100 * canaryAnswers) / seen.length,
    metrics,
  };
}

/** Of each metric, so that it is `FALSE_ROLLBACKS` for all that can roll back. */
export function falseAlarmsOf(policy: JudgePolicy): number {
  return FALSE_ROLLBACKS / Math.max(1, JUDGED_METRIC_NAMES.filter((metric) => policy[metric].critical).length);
}

export function conclude(
  metrics: readonly Pick<MetricVerdict, 'metric' | 'outcome' | 'critical' | 'blocks'>[],
  policy: JudgePolicy,
): Pick<Verdict, 'outcome' | 'reason'> {
  const names = (some: readonly Pick<MetricVerdict, 'metric'>[]) => some.map(({ metric }) => metric).join(', ');
  const failed = metrics.filter(({ outcome }) => outcome === 'fail');
  const fatal = failed.filter(({ critical }) => critical);
  if (fatal.length > 0) return { outcome: 'fail', reason: `worse in ${names(fatal)}` };
  if (failed.length > 0) return { outcome: 'inconclusive', reason: `held: worse in ${names(failed)}` };
  const open = metrics.filter(({ metric, outcome, critical, blocks }) => {
    return blocks > 0 ? critical && outcome !== 'pass' : policy[metric].mustHaveData;
  });
  if (open.length > 0) return { outcome: 'inconclusive', reason: `not yet known: ${names(open)}` };
  return { outcome: 'pass', reason: 'within tolerance in all that is critical' };
}

function judgeMetric(
  metric: JudgedMetric,
  answers: readonly JudgedAnswer[],
  { minimumEffect, tolerance, critical }: MetricPolicy,
  falseAlarms: number,
): MetricVerdict {
  const { compare, worse } = JUDGED_METRICS[metric];
  const observations = observe(metric, answers);
  const blocks = matchBlocks(observations);
  const limits = { minimumEffect, tolerance };
  const evidence = directionsOf(worse).map((direction) => weigh(compare, blocks, direction, limits));
  const { ofWorse: evidenceOfWorse, ofGood: evidenceOfGood } = together(evidence);
  const valuesOf = (wanted: Observation['arm']) =>
    observations.filter(({ arm }) => arm === wanted).map(({ value }) => value);
  const [stable, canary] = [valuesOf('stable'), valuesOf('canary')];
  const middle = compare === 'ratio' ? median : mean;
  return {
    metric,
    outcome: outcomeOf({ ofWorse: evidenceOfWorse, ofGood: evidenceOfGood }, falseAlarms),
    critical,
    stableAnswers: stable.length,
    canaryAnswers: canary.length,
    blocks: blocks.length,
    stable: middle(stable),
    canary: middle(canary),
    effect: effectOf[compare](blocks, worse === 'lower' ? 'lower' : 'higher'),
    evidenceOfWorse,
    evidenceOfGood,
  };
}

/** What may go wrong in two directions is two questions: worse in one of them is worse, good is good in both. */
export function directionsOf(worse: Direction | 'either'): readonly Direction[] {
  return worse === 'either' ? ['higher', 'lower'] : [worse];
}

export function together(evidence: readonly Evidence[]): Evidence {
  return {
    ofWorse: evidence.reduce((sum, { ofWorse }) => sum + ofWorse, 0) / evidence.length,
    ofGood: Math.min(...evidence.map(({ ofGood }) => ofGood)),
  };
}

export function outcomeOf({ ofWorse, ofGood }: Evidence, falseAlarms: number): Outcome {
  if (ofWorse >= 1 / falseAlarms) return 'fail';
  return ofGood >= 1 / FALSE_PASSES ? 'pass' : 'inconclusive';
}

/** In the order in which they became known: what is added later changes no block of before. */
function observe(metric: JudgedMetric, answers: readonly JudgedAnswer[]): Observation[] {
  return answers.flatMap((answer) => observation(metric, answer) ?? []).sort((a, b) => a.at - b.at);
}

/** What an answer tells of a metric; null: nothing. */
export function observation(metric: JudgedMetric, answer: JudgedAnswer): (Observation & Reading) | null {
  const { read, byText = false } = JUDGED_METRICS[metric];
  if (answer.isShadow && !byText) return null;
  const reading = read(answer);
  // What has a copy is compared with it alone: no answer is used twice.
  const stratum = byText && answer.pair !== null ? answer.pair : answer.cluster;
  return reading && { arm: answer.arm, stratum, value: reading.value, at: reading.at };
}
