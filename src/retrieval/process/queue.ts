import { setImmediate as yieldToMessages } from 'node:timers/promises';

/** From first to last served. */
const LANES = ['search', 'embed', 'background'] as const;
type Lane = (typeof LANES)[number];

export interface WorkQueue {
  /**
   * Runs jobs one at a time, those of an earlier lane first. Jobs are short (one batch): between two of them the
   * process reads its messages, so that a search waits for one batch of ingestion at most, and an abort is seen.
   */
  run<T>(lane: Lane, job: () => T | Promise<T>, signal?: AbortSignal): Promise<T>;
}

export function createWorkQueue(): WorkQueue {
  const waiting: Record<Lane, (() => Promise<void>)[]> = { search: [], embed: [], background: [] };
  let isRunning = false;

  const drain = async () => {
    isRunning = true;
    for (;;) {
      const lane = LANES.find((name) => waiting[name].length > 0);
      if (!lane) break;
      await waiting[lane].shift()!();
      await yieldToMessages();
    }
    isRunning = false;
  };

  return {
    run(lane, job, signal) {
      return new Promise((resolve, reject) => {
        waiting[lane].push(async () => {
          try {
            signal?.throwIfAborted();
            resolve(await job());
          } catch (error) {
            reject(error);
          }
        });
        if (!isRunning) void drain();
      });
    },
  };
}
