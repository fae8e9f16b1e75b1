import type { Api } from './api.js';
import type { Place } from './router.js';
import type { HeldKey, Session } from './session.js';

/** What a page is given. */
export interface Context {
  readonly place: Place;
  readonly session: Session;
  /** Of the whole gateway; a page of operators is only shown where there is a key for it. */
  readonly admin: Api;
  /** Ids of the tenants that the held keys reach. */
  readonly tenants: readonly string[];
  /** Aborted when the page is left. */
  readonly left: AbortSignal;
  apiOf(key: HeldKey | { readonly secret: string }): Api;
  /** Tells the user that something is done, without taking the focus. */
  say(message: string): void;
  go(hash: string): void;
  /** Builds the page anew. */
  reload(): void;
}

export type Page = (context: Context) => Promise<HTMLElement> | HTMLElement;

/** The tenant that the page is about: shown only where there is one. */
export function tenantOf({ place }: Context): string {
  return place.tenant!;
}
