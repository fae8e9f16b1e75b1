import { isLoopback } from '../../config/loopback.js';
import { AppError } from '../../errors/app-error.js';
import type { App } from '../app.js';

/**
 * Serves nothing but names of this machine. A page on the web may let its own name point here once it is loaded (DNS
 * rebinding); its requests then count as its own, reach a loopback address, and could use the public demo keys.
 */
export function addHostCheck(app: App): void {
  app.addHook('onRequest', async ({ headers: { host } }) => {
    // Browsers always send it.
    if (host !== undefined && !isLoopback(host.replace(/:\d+$/, ''))) throw new AppError('host_not_served', { host });
  });
}
