/** The judge, an answer at a time: what `judge` finds over all answers again at each look, where they come in the order in which they become known. */

import { createWeigher } from '../../src/canary/evidence.js';
import { conclude, directionsOf, falseAlarmsOf, observation, outcomeOf, together } from '../../src/canary/judge.js';
import { JUDGED_METRIC_NAMES, JUDGED_METRICS } from '../../src/canary/judged-metrics.js';
import { createMatcher } from '../../src/canary/matched-blocks.js';
import type { JudgedAnswer, JudgedMetric, JudgePolicy, MetricVerdict, Verdict } from '../../src/contracts/rollouts.js';

export type LiveVerdict = Pick<Verdict, 'outcome' | 'reason'> & {
  readonly metrics: readonly Pick<MetricVerdict, 'metric' | 'outcome' | 'critical' | 'blocks'>[];
};

export function createLiveJudge(policy: JudgePolicy) {
  const falseAlarms = falseAlarmsOf(policy);
  const metrics = JUDGED_METRIC_NAMES.map((metric) => createLiveMetric(metric, policy, falseAlarms));
  return {
    add(answer: JudgedAnswer): void {
      for (const metric of metrics) metric.add(answer);
    },
    verdict(): LiveVerdict {
      const found = metrics.map(({ verdict }) => verdict());
      return { ...conclude(found, policy), metrics: found };
    },
  };
}

function createLiveMetric(metric: JudgedMetric, policy: JudgePolicy, falseAlarms: number) {
  const { compare, worse } = JUDGED_METRICS[metric];
  const { critical, ...limits } = policy[metric];
  const match = createMatcher();
  const weighers = directionsOf(worse).map((direction) => createWeigher(compare, direction, limits));
  let blocks = 0;
  return {
    add(answer: JudgedAnswer): void {
      const told = observation(metric, answer);
      const block = told && match(told);
      if (block === null) return;
      blocks += 1;
      for (const weigher of weighers) weigher.add(block);
    },
    verdict() {
      const evidence = together(weighers.map((weigher) => weigher.evidence()));
      return { metric, critical, blocks, outcome: outcomeOf(evidence, falseAlarms) };
    },
  };
}
