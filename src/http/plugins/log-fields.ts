import type { AdapterRef } from '../../contracts/adapter.js';
import type { AnswerEvent } from '../../pipeline/types.js';
import type { App, LogFields } from '../app.js';

/** Ids as the gateway makes them, and names as it accepts them; what else a path holds is not logged. */
export const isId = (value: string): boolean => /^[\w.:@-]{1,256}$/.test(value);
/** Of no object of ours: whom a client calls its user is personal data. */
const PERSONAL = new Set(['users']);

/** The line of a request that makes something names its id. */
export function addMadeIds(app: App): void {
  app.addHook('preSerialization', ({ method, logged }, { statusCode }, payload, done) => {
    const { id } = (payload ?? {}) as { readonly id?: unknown };
    const isMade = method === 'POST' && statusCode < 300 && logged.answer === undefined;
    if (isMade && typeof id === 'string') logged.result ??= { id };
    done(null, payload);
  });
}

/** The ids in a path by what they are of: `/tenants/:tenant/keys/:keyId` gives `tenant` and `key`; null: there are none. */
export function subjectOf(route: string, params: unknown): Readonly<Record<string, string>> | null {
  if (!route.includes(':')) return null;
  const steps = route.split('/');
  const values = params as Readonly<Record<string, string>>;
  const ids = steps.flatMap((step, i): [string, string][] => {
    const kind = steps[i - 1] ?? '';
    const value = step.startsWith(':') ? (values[step.slice(1)] ?? '') : '';
    return isId(value) && !PERSONAL.has(kind) ? [[singular(kind), value]] : [];
  });
  return ids.length === 0 ? null : Object.fromEntries(ids);
}

/** `file_batches` is of a `file_batch`. */
function singular(kind: string): string {
  return kind.replace(/ies$/, 'y').replace(/(?<=ch|alias)es$|s$/, '');
}

/** Notes who answers, and what the answer came to. */
export function noteAnswer(logged: LogFields, event: AnswerEvent): void {
  if (event.type === 'routed') {
    const { deployment, adapter, arm } = event.route;
    logged.answer = { id: event.id, deployment, adapter: nameOf(adapter), arm };
  } else if (event.type === 'finished' && logged.answer !== undefined) {
    const { promptTokens, completionTokens } = event.usage;
    const { id, deployment, adapter, arm } = logged.answer;
    logged.answer = { id, deployment, adapter, arm, finishReason: event.reason, promptTokens, completionTokens };
  }
}

function nameOf(adapter: Pick<AdapterRef, 'name' | 'version'> | null): string | null {
  return adapter && `${adapter.name}@${adapter.version}`;
}
