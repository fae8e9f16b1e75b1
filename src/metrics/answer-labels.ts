import type { AnswerRecord } from '../contracts/registry.js';
import type { AnswerLabels } from './table.js';

/** Labels for the metrics of an answer. */
export function answerLabels(answer: Pick<AnswerRecord, 'tenant' | 'deployment' | 'adapter' | 'arm'>): AnswerLabels {
  return {
    tenant: answer.tenant,
    deployment: answer.deployment,
    adapter: answer.adapter ?? 'none',
    arm: answer.arm,
  };
}
