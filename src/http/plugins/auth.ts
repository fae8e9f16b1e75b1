import type { FastifyRequest } from 'fastify';
import { actingAs } from '../../audit/actor.js';
import type { Principal, Registry, Scope } from '../../contracts/registry.js';
import { MAX_REASON } from '../../contracts/registry-limits.js';
import { AppError } from '../../errors/app-error.js';
import type { App } from '../app.js';
import { groupsOf } from './groups.js';
import { insider } from './insiders.js';

/** Every route below `app` needs a key with the scope that it declares; a route that declares none stops the start. */
export function addAuth(app: App, registry: Registry): void {
  app.addHook('onRoute', (route) => {
    const { method, url, config, handler } = route;
    if (config?.scope === undefined) throw new Error(`${method} ${url} declares no scope.`);
    // Where nothing is changed, nobody asks who changes it.
    if (config.keepsNothing) return;
    route.handler = function (request, reply) {
      const { keyId: id, tenant } = request.principal;
      const actor = { kind: 'key', id, tenant, requestId: request.id, reason: reasonOf(request) } as const;
      return actingAs(actor, async () => handler.call(this, request, reply));
    };
  });
  app.addHook('onRequest', async (request) => {
    const { scope, takesGroups } = request.routeOptions.config;
    const principal = await requireScope(request, registry, ...[scope ?? []].flat());
    const groups = await groupsOf(request, registry, principal);
    if (groups !== null && scope === 'documents' && !takesGroups) {
      throw new AppError('not_for_groups', { what: `${request.method} ${request.routeOptions.url}` });
    }
    request.principal = { ...principal, groups };
  });
}

/** Why something is changed, as the header `x-reason` says: in UTF-8, percent-encoded where it is not ASCII. */
function reasonOf({ headers }: FastifyRequest): string | null {
  const given = headers['x-reason'];
  if (typeof given !== 'string' || given.trim() === '') return null;
  try {
    return decodeURIComponent(given).slice(0, MAX_REASON);
  } catch {
    return given.slice(0, MAX_REASON);
  }
}

/** Who asks, with a key that has one of `scopes`; none: with any key. @throws AppError `invalid_api_key`, `scope_missing` */
export async function requireScope(
  request: FastifyRequest,
  registry: Registry,
  ...scopes: readonly Scope[]
): Promise<Principal> {
  const { authorization, 'x-api-key': apiKey } = request.headers;
  const key = authorization === undefined ? apiKey?.toString() : /^bearer +(\S+)$/i.exec(authorization)?.[1];
  const principal = insider()?.principal ?? (key === undefined ? null : await registry.authenticate(key));
  if (principal === null) throw new AppError('invalid_api_key');
  const [first] = scopes;
  if (first !== undefined && !scopes.some((scope) => principal.scopes.includes(scope))) {
    throw new AppError('scope_missing', { scope: first, what: `${request.method} ${request.routeOptions.url}` });
  }
  return principal;
}
