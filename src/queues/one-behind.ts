/**
 * A job of which one runs at a time. Whoever asks meanwhile shares the one behind it, which begins later than all of them asked, and so
 * does what any of them asked for.
 */
export function oneBehind(job: () => Promise<void>): { run(): Promise<void>; settled(): Promise<void> } {
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;

  function run(): Promise<void> {
    if (running === null) {
      running = job().finally(() => {
        running = null;
      });
      return running;
    }
    next ??= running
      .catch(() => {})
      .then(() => {
        next = null;
        return run();
      });
    return next;
  }

  return {
    run,
    /** Resolves when the one that runs has ended, well or not. */
    settled: async () => running?.catch(() => {}),
  };
}
