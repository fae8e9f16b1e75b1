/** What names, texts and numbers the registry accepts. Each check returns its value or names the field and the limit. */
import { GROUP_PATTERN, NAME_PATTERN } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';

const NAME = new RegExp(NAME_PATTERN);
const GROUP = new RegExp(GROUP_PATTERN);

export function invalid(param: string, reason: string): AppError {
  return new AppError('invalid_value', { param, reason });
}

export function validName(param: string, value: string): string {
  if (NAME.test(value)) return value;
  throw invalid(
    param,
    `must be 1 to 63 lower-case letters, digits, "-", "_" or ".", with a letter or digit at both ends, got "${value.slice(0, 80)}"`,
  );
}

export function validText(param: string, value: string, maxChars: number): string {
  if (value.length <= maxChars) return value;
  throw invalid(param, `must have at most ${maxChars} characters, got ${value.length}`);
}

/** Each once. */
export function validGroups(param: string, groups: readonly string[], most: number): readonly string[] {
  const wrong = groups.find((group) => !GROUP.test(group));
  if (wrong !== undefined) {
    const reason = `names must have 1 to 128 printable ASCII characters, no comma, and no blank at an end, got ${JSON.stringify(wrong.slice(0, 150))}`;
    throw invalid(param, reason);
  }
  const unique = [...new Set(groups)];
  if (unique.length <= most) return unique;
  throw invalid(param, `must be at most ${most}, got ${unique.length}`);
}

export function validNumber(param: string, value: number, minimum: number, maximum: number): number {
  if (value >= minimum && value <= maximum) return value;
  throw invalid(param, `must be from ${minimum} to ${maximum}, got ${value}`);
}

export function validInteger(param: string, value: number, minimum: number, maximum: number): number {
  if (Number.isInteger(value)) return validNumber(param, value, minimum, maximum);
  throw invalid(param, `must be an integer, got ${value}`);
}
