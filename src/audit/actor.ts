import { Ambient } from '../ambient/ambient.js';
import type { Actor } from '../contracts/audit.js';

/** What the gateway does by itself. */
const GATEWAY: Actor = { kind: 'system', id: 'gateway', tenant: null, requestId: null, reason: null };

const acting = new Ambient<Actor>();

/**
 * Runs a job in the name of somebody. Ambient, because who asks is of no concern to any service between the surface and the
 * log, and would be a parameter of them all (decision 0042).
 */
export function actingAs<T>(actor: Actor, job: () => PromiseLike<T>): Promise<T> {
  return acting.run(actor, job);
}

export function currentActor(): Actor {
  return acting.get() ?? GATEWAY;
}
