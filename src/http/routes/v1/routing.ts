import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { RouteOverride } from '../../../contracts/routing.js';
import { AppError } from '../../../errors/app-error.js';
import type { Route } from '../../../pipeline/types.js';
import { groupHeaders } from '../../plugins/groups.js';

export const RoutingHeaders = Type.Object({
  ...groupHeaders,
  'x-canary': Type.Optional(
    Type.Enum(['always', 'never'], { description: 'Take, or avoid, the canary. Needs the scope `route`.' }),
  ),
  'x-adapter-version': Type.Optional(
    Type.Integer({ minimum: 1, description: 'Take exactly this version. Needs the scope `route`.' }),
  ),
  'x-conversation-id': Type.Optional(
    Type.String({ maxLength: 256, description: 'Keeps one conversation on one arm of a canary.' }),
  ),
});

/** What the headers ask of the canary; a product that passes on its users' headers must not let them choose. */
export function readOverride(request: FastifyRequest, headers: Static<typeof RoutingHeaders>): RouteOverride {
  const override = { canary: headers['x-canary'] ?? null, version: headers['x-adapter-version'] ?? null };
  const header = override.canary !== null ? 'x-canary' : override.version !== null ? 'x-adapter-version' : null;
  if (header !== null && !request.principal.scopes.includes('route')) {
    throw new AppError('scope_missing', { scope: 'route', what: `the header ${header}` });
  }
  return override;
}

/** Tells in the response which version answers. */
export function writeRoute(reply: FastifyReply, { arm, adapter }: Route): void {
  reply.header('x-canary-arm', arm);
  if (adapter === null) return;
  reply.header('x-adapter', `${adapter.name}@${adapter.version}`);
  reply.header('x-adapter-digest', adapter.digest);
}
