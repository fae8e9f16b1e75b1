import { Check } from 'typebox/schema';
import type { ToolDefinition } from '../../contracts/prompt.js';

/** Regular expressions of a caller may run for ever; no argument that they bind is taken unchecked. */
const PATTERN = /"pattern(?:Properties)?":/;

/** Whether arguments fit the schema of a strict function; null: whatever comes is passed on. */
export function checkOf({ strict, parameters }: ToolDefinition): ((args: object) => boolean) | null {
  if (!strict) return null;
  if (PATTERN.test(JSON.stringify(parameters))) return () => false;
  return (args) => {
    try {
      return Check(parameters, args);
    } catch {
      // A schema that refers to what is not there, or to itself.
      return false;
    }
  };
}
