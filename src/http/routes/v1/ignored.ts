/**
 * Nothing is ignored in silence: what is accepted so that a client works, and has no effect here, is named in a header
 * of the response.
 */
import type { FastifyReply } from 'fastify';

/** Enough for a person to see what happens; a header has to stay short. */
const MAX_NAMES = 20;
const MAX_NAME_CHARACTERS = 64;

/** Names the members of `value` that are none of `known`, as `at.name`. */
export function otherMembers(value: object, known: ReadonlySet<string>, at?: string): string[] {
  return Object.keys(value)
    .filter((name) => !known.has(name))
    .map((name) => (at === undefined ? name : `${at}.${name}`));
}

/** Names those of `params` that were given. */
export function givenOf(body: Readonly<Record<string, unknown>>, params: readonly string[]): string[] {
  return params.filter((param) => body[param] !== undefined);
}

export function nameIgnored(reply: FastifyReply, names: readonly string[]): void {
  if (names.length === 0) return;
  const shown = [...new Set(names)].slice(0, MAX_NAMES).map(toHeaderText);
  reply.header('x-ignored-parameters', shown.join(', '));
}

/** Names may be anything that JSON can hold, and a header may not. */
function toHeaderText(name: string): string {
  return name.slice(0, MAX_NAME_CHARACTERS).replace(/[^\w.[\]-]/g, '?');
}
