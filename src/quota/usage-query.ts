/** What a report of usage may be limited to and told apart by, on every surface. */
import { Type } from 'typebox';
import type { UsageDimension } from '../contracts/quota.js';
import { AppError } from '../errors/app-error.js';

const Day = (description: string) =>
  Type.String({ pattern: '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$', description });

/** The tenant is the surface's own: an operator's is a choice, a tenant's is none. */
export const usageFilters = {
  key: Type.Optional(Type.String({ description: 'Id of a key.' })),
  deployment: Type.Optional(Type.String()),
  version: Type.Optional(Type.String({ description: 'An adapter as `support@2`, or `base`.' })),
  from: Type.Optional(Day('The first day (UTC), as 2026-11-01.')),
  to: Type.Optional(Day('The last day (UTC).')),
};

export const groupBy = (dimensions: readonly UsageDimension[], fallback: string) =>
  Type.Optional(
    Type.String({
      default: fallback,
      description: `What the sums are told apart by, with commas between: ${dimensions.join(', ')}; empty: nothing.`,
    }),
  );

/** In the order of the dimensions. @throws AppError `invalid_value` */
export function toDimensions(text: string, dimensions: readonly UsageDimension[]): UsageDimension[] {
  const names = text === '' ? [] : text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(dimensions as readonly string[]).includes(name));
  if (unknown === undefined) return dimensions.filter((dimension) => names.includes(dimension));
  const reason = `must be some of ${dimensions.join(', ')}, with commas between, got "${unknown.slice(0, 80)}"`;
  throw new AppError('invalid_value', { param: 'group_by', reason });
}
