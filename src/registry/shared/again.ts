import { Conflict } from './replica.js';
import { unavailable } from './server.js';

const MOST_TRIES = 20;
const PAUSE_MS = 10;

/**
 * The same methods, of which each is done anew where another gateway changed something meanwhile: with what is known by then, it may come to
 * another end.
 * @param catchUp resolves when what the others changed is known here
 */
export function again<T extends object>(methods: T, catchUp: () => Promise<void>): T {
  type Method = (...args: readonly unknown[]) => unknown;
  const retry = async (call: () => unknown, error: unknown, tries = 1): Promise<unknown> => {
    if (!(error instanceof Conflict)) throw error;
    if (tries === MOST_TRIES) throw unavailable('other gateways change it all the time', error);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MS * tries));
    await catchUp();
    try {
      return await call();
    } catch (next) {
      return retry(call, next, tries + 1);
    }
  };
  const wrap =
    (method: Method): Method =>
    (...args) => {
      const call = () => method(...args);
      const result = call();
      return result instanceof Promise ? result.catch((error: unknown) => retry(call, error)) : result;
    };
  const wrapped = Object.entries(methods).map(([name, method]) => [
    name,
    typeof method === 'function' ? wrap(method) : method,
  ]);
  return Object.fromEntries(wrapped) as T;
}
