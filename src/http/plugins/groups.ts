import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Principal, Registry } from '../../contracts/registry.js';
import { GROUP_PATTERN, MAX_CALLER_GROUPS } from '../../contracts/registry-limits.js';
import { AppError } from '../../errors/app-error.js';

/** Headers of every route that takes groups; read below, before a schema is looked at. */
export const groupHeaders = {
  'x-groups': Type.Optional(
    Type.String({
      description:
        'Groups that the caller is in, with commas between; empty: none. Takes the place of those of the key. Needs the scope `groups`.',
    }),
  ),
  'x-groups-token': Type.Optional(
    Type.String({
      description:
        "The same as signed claims (JWT) of one of the tenant's signers: `groups`, `aud` (the tenant's id), `exp` (within an hour), and the signer's name as `kid`. Any key may send it.",
    }),
  ),
};
export const GroupHeaders = Type.Object(groupHeaders);

const GROUP = new RegExp(GROUP_PATTERN);

/**
 * The groups that a request speaks for: what its headers say, else what its key is bound to; null: nothing says any.
 * @throws AppError `scope_missing`, `invalid_value`, `invalid_groups_token`
 */
export async function groupsOf(
  { headers }: FastifyRequest,
  registry: Registry,
  { tenant, scopes, groups }: Principal,
): Promise<readonly string[] | null> {
  const [list, token] = [headers['x-groups'], headers['x-groups-token']].map((value) => value?.toString());
  if (list !== undefined && token !== undefined) {
    throw new AppError('invalid_value', { param: 'x-groups', reason: 'cannot be given beside x-groups-token' });
  }
  if (token !== undefined) return registry.readGroupsToken(tenant, token);
  if (list === undefined) return groups;
  if (!scopes.includes('groups')) {
    throw new AppError('scope_missing', { scope: 'groups', what: 'the header x-groups' });
  }
  return readList(list);
}

function readList(list: string): readonly string[] {
  const names = list.trim() === '' ? [] : [...new Set(list.split(',').map((name) => name.trim()))];
  if (names.length <= MAX_CALLER_GROUPS && names.every((name) => GROUP.test(name))) return names;
  throw new AppError('invalid_value', {
    param: 'x-groups',
    reason: `must be at most ${MAX_CALLER_GROUPS} names of 1 to 128 printable ASCII characters, with commas between`,
  });
}
