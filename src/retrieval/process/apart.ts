import { Turns } from '../../queues/turns.js';

/** Runs jobs that keep other threads busy, a few at once: the tenants in turns, and within one the oldest first. */
export interface Apart {
  /** One that waits still when the signal comes does not begin. */
  run<T>(tenant: string, job: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

export function createApart(atOnce: number): Apart {
  const waiting = new Turns<{ readonly tenant: string; readonly run: () => Promise<void> }>();
  let running = 0;

  const startNext = () => {
    while (running < atOnce) {
      const job = waiting.take();
      if (!job) return;
      running++;
      void job.run().finally(() => {
        running--;
        startNext();
      });
    }
  };

  return {
    run: (tenant, job, signal) =>
      new Promise((resolve, reject) => {
        // A job that fails before its first await is a failed one as well.
        const run = async () => {
          signal?.throwIfAborted();
          resolve(await job());
        };
        waiting.add({ tenant, run: () => run().catch(reject) });
        startNext();
      }),
  };
}
