import type { AppError } from '../../errors/app-error.js';
import type { Architecture } from './architecture.js';
import { gemma3 } from './gemma3.js';
import { llama } from './llama.js';
import { qwen2, qwen3 } from './qwen.js';
import { smollm3 } from './smollm3.js';

/** What can be imported. */
const ARCHITECTURES: readonly Architecture[] = [llama, qwen2, qwen3, smollm3, gemma3];

/**
 * @param namesOf what an architecture is called in the kind of source that names it
 * @throws AppError `model_invalid` naming those that are supported
 */
export function architectureNamed(
  name: string,
  namesOf: (architecture: Architecture) => readonly string[],
  invalid: (reason: string) => AppError,
): Architecture {
  const found = ARCHITECTURES.find((architecture) => namesOf(architecture).includes(name));
  if (found) return found;
  throw invalid(`the architecture ${name} is not supported (${ARCHITECTURES.flatMap(namesOf).join(', ')} are)`);
}

/** Whether llama.cpp keeps the rows of queries and keys of a model in another order. @param name in either kind of source */
export function hasGgufPairs(name: string): boolean {
  return ARCHITECTURES.some(({ gguf, modelTypes, ggufPairs }) => ggufPairs && [gguf, ...modelTypes].includes(name));
}

/** What llama.cpp calls an architecture. @param name in either kind of source */
export function ggufNameOf(name: string): string {
  return ARCHITECTURES.find(({ modelTypes }) => modelTypes.includes(name))?.gguf ?? name;
}
