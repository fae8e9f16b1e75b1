import { AsyncLocalStorage } from 'node:async_hooks';
import type { Trace } from '../contracts/tracing.js';

const current = new AsyncLocalStorage<Trace>();

/** Runs a job within a trace. Ambient, as who asks is: a parameter of everything that a request passes through would say no more. */
export function tracedIn<T>(trace: Trace, job: () => T): T {
  return current.run(trace, job);
}

/** null: what goes on now is not traced. */
export function currentTrace(): Trace | null {
  return current.getStore() ?? null;
}

/** Of a trace that is kept, by its flag in W3C's form; undefined: nobody will find it. */
export function sampledId({ traceparent }: Trace): string | undefined {
  return /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f][13579bdf]$/.exec(traceparent)?.[1];
}
