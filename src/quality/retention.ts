import type { Registry } from '../contracts/registry.js';

const HOUR_MS = 3600 * 1000;

interface RetentionOptions {
  readonly expire: Registry['expireAnswers'];
  readonly limits: Parameters<Registry['expireAnswers']>[0];
  readonly onFailed: (error: unknown) => void;
}

/** Deletes records that are too old or too many: at once, and every hour from then on. */
export function keepRetention({ expire, limits, onFailed }: RetentionOptions): { close(): Promise<void> } {
  let running: Promise<unknown> = Promise.resolve();
  const run = () => {
    running = running.then(() => expire(limits)).catch(onFailed);
  };
  run();
  const timer = setInterval(run, HOUR_MS);
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}
