import type { ExperimentArm, ExperimentPlan } from '../contracts/experiments.js';
import {
  ARMS,
  MAX_EXPERIMENT_ARMS,
  MAX_INSTRUCTIONS,
  MAX_JUDGED_ANSWERS,
  MAX_TOLERANCE,
} from '../contracts/registry-limits.js';
import { validGeneration } from './valid-generation.js';
import { validPolicies } from './valid-plan.js';
import { invalid, validInteger, validName, validNumber, validText } from './validate.js';

/** How far weights may be from 100 together: thirds have no end. */
const ROUNDING = 0.1;

/** An experiment that can be told apart and comes to an end. Which goals there are is for the schemas of the surfaces to say. */
export function validExperiment(plan: ExperimentPlan): ExperimentPlan {
  const { arms, minimumEffect, tolerance, leastAnswers, mostAnswers, metrics } = plan;
  if (arms.length < 2 || arms.length > MAX_EXPERIMENT_ARMS) {
    throw invalid('arms', `must be 2 to ${MAX_EXPERIMENT_ARMS}, got ${arms.length}`);
  }
  arms.forEach(validArm);
  const twice = arms.find(({ name }, i) => arms.findIndex((arm) => arm.name === name) < i);
  if (twice) throw invalid('arms', `must have different names, got ${twice.name} twice`);
  const sum = arms.reduce((total, { weight }) => total + weight, 0);
  if (Math.abs(sum - 100) > ROUNDING) throw invalid('arms', `must have weights that make 100 together, got ${sum}`);
  validNumber('minimumEffect', minimumEffect, 0, MAX_TOLERANCE);
  validNumber('tolerance', tolerance, 0.001, MAX_TOLERANCE);
  validInteger('leastAnswers', leastAnswers, 1, MAX_JUDGED_ANSWERS);
  validInteger('mostAnswers', mostAnswers, leastAnswers, MAX_JUDGED_ANSWERS);
  validPolicies(metrics);
  return plan;
}

function validArm({ name, weight, version, instructions, generation }: ExperimentArm, i: number): void {
  validName(`arms.${i}.name`, name);
  if ((ARMS as readonly string[]).includes(name)) {
    throw invalid(`arms.${i}.name`, `must be none of ${ARMS.join(', ')}, which all deployments have, got ${name}`);
  }
  validNumber(`arms.${i}.weight`, weight, 0.1, 99.9);
  if (version !== undefined) validInteger(`arms.${i}.version`, version, 1, Number.MAX_SAFE_INTEGER);
  if (instructions !== undefined) validText(`arms.${i}.instructions`, instructions, MAX_INSTRUCTIONS);
  if (generation !== undefined) validGeneration(`arms.${i}.generation`, generation);
}
