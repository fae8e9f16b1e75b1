import { Ambient } from '../../ambient/ambient.js';
import type { Principal } from '../../contracts/registry.js';

interface Insider {
  /** null: whom its headers name; then the server's end waits for it, as for any request. */
  readonly principal: Principal | null;
  /** Ends the request as a hang-up of its client would. */
  readonly signal: AbortSignal;
}

const insiders = new Ambient<Insider>();

/**
 * Sends a request to this server's own routes in the name of somebody who was known when the work was taken on. A request
 * that came by a socket has another context, whatever it says.
 */
export function actingFor<T>(insider: Insider, send: () => PromiseLike<T>): Promise<T> {
  return insiders.run(insider, send);
}

/** For whom the server itself asks; undefined for every request from outside. */
export function insider(): Insider | undefined {
  return insiders.get();
}
