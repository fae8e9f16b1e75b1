const HOUR_MS = 3600 * 1000;

interface RetentionOptions {
  readonly expire: () => Promise<unknown>;
  readonly onFailed: (error: unknown) => void;
}

/** Deletes what is too old or too many: at once, and every hour from then on. */
export function keepRetention({ expire, onFailed }: RetentionOptions): { close(): Promise<void> } {
  let running: Promise<unknown> = Promise.resolve();
  const run = () => {
    running = running.then(() => expire()).catch(onFailed);
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
