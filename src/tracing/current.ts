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
