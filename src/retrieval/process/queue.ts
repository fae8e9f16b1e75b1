import { setImmediate as yieldToMessages } from 'node:timers/promises';
import { Turns } from '../../queues/turns.js';

/** From first to last served. */
const LANES = ['search', 'embed', 'background'] as const;
type Lane = (typeof LANES)[number];

/** Jobs of earlier lanes that a waiting one lets pass before it has its turn: none waits for ever behind a flood. */
const PATIENCE = 4;

export interface WorkQueue {
  /**
   * Runs jobs one at a time, those of an earlier lane first, and within a lane the tenants in turns. Jobs are short (one
   * batch): between two of them the process reads its messages, so that a search waits for one batch of ingestion at
   * most, and an abort is seen.
   */
  run<T>(lane: Lane, tenant: string, job: () => T | Promise<T>, signal?: AbortSignal): Promise<T>;
}

export function createWorkQueue(): WorkQueue {
  const lanes = LANES.map(() => new Turns<{ readonly tenant: string; readonly run: () => Promise<void> }>());
  const passed = LANES.map(() => 0);
  let isRunning = false;

  const next = () => {
    const waiting = [...lanes.keys()].filter((lane) => !lanes[lane]!.isEmpty);
    const served = waiting.findLast((lane) => passed[lane]! >= PATIENCE) ?? waiting[0];
    if (served === undefined) return null;
    for (const lane of waiting) if (lane > served) passed[lane]!++;
    passed[served] = 0;
    return lanes[served]!.take();
  };

  const drain = async () => {
    isRunning = true;
    for (let job = next(); job; job = next()) {
      await job.run();
      await yieldToMessages();
    }
    isRunning = false;
  };

  return {
    run(lane, tenant, job, signal) {
      return new Promise((resolve, reject) => {
        const run = async () => {
          try {
            signal?.throwIfAborted();
            resolve(await job());
          } catch (error) {
            reject(error);
          }
        };
        lanes[LANES.indexOf(lane)]!.add({ tenant, run });
        if (!isRunning) void drain();
      });
    },
  };
}
