import type { GenerationDefaults } from '../contracts/registry.js';
import { GENERATION_LIMITS } from '../contracts/registry-limits.js';
import { invalid, validInteger, validNumber } from './validate.js';

interface Range {
  readonly minimum: number;
  readonly maximum: number;
  readonly isInteger?: true;
}

export function validGeneration(param: string, generation: GenerationDefaults): GenerationDefaults {
  for (const [name, value] of Object.entries(generation)) {
    const limits: Readonly<Record<string, Range>> = GENERATION_LIMITS;
    if (!Object.hasOwn(limits, name)) {
      throw invalid(`${param}.${name}`, `is not known; there are ${Object.keys(limits).join(', ')}`);
    }
    const { minimum, maximum, isInteger } = limits[name]!;
    (isInteger ? validInteger : validNumber)(`${param}.${name}`, value, minimum, maximum);
  }
  return generation;
}
