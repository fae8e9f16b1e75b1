import { monitorEventLoopDelay } from 'node:perf_hooks';
import { AppError } from '../../errors/app-error.js';
import type { App } from '../app.js';

const LOOK_EVERY_MS = 1000;
const RESOLUTION_MS = 10;
const NS_A_MS = 1e6;
const RETRY_AFTER_S = 2;

/**
 * Sheds what comes in while the thread that serves all streams is behind: it is better for a client to hear so at once than to
 * wait with all others. One long pause is not enough: the mean over a second counts, twice in a row.
 */
export function addOverloadCheck(app: App, { maxLoopDelayMs }: { readonly maxLoopDelayMs: number }): void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let wasBehind = false;
  let isOverloaded = false;
  const timer = setInterval(() => {
    const isBehind = delay.mean / NS_A_MS - RESOLUTION_MS > maxLoopDelayMs;
    isOverloaded = isBehind && wasBehind;
    wasBehind = isBehind;
    delay.reset();
  }, LOOK_EVERY_MS).unref();
  app.addHook('onClose', async () => {
    clearInterval(timer);
    delay.disable();
  });
  app.addHook('onRequest', ({ routeOptions }, _reply, done) => {
    if (isOverloaded && routeOptions.config.scope !== 'admin')
      throw new AppError('overloaded', { retryAfterS: RETRY_AFTER_S });
    done();
  });
}
