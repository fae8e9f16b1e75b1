import { setTimeout as sleep } from 'node:timers/promises';
import { Pacer } from '../queues/pacer.js';
import type { PipelineServices } from './types.js';

/** Refusals of one tenant that go out at once, and in a second; those beyond wait, and so do the requests that follow them. */
const REFUSALS = { perMs: 10 / 1000, burstMs: 1000, longestWaitMs: 2000 };

/**
 * Lets a request in where the engine has room for it. A flood that is told so at once asks again at once, and being refused a
 * hundred times a second is work as well: some of its requests are told so late, or find room meanwhile.
 * @throws AppError `queue_full`, `engine_unavailable`, and the signal's reason
 */
export type WaitForRoom = (engine: string, tenant: string, signal: AbortSignal) => Promise<void>;

export function createWaitForRoom({ engines, clock }: Pick<PipelineServices, 'engines' | 'clock'>): WaitForRoom {
  const refusals = new Pacer({ ...REFUSALS, nowMs: clock.monotonicMs });
  return async (name, tenant, signal) => {
    const engine = engines.of(name);
    try {
      engine.requireRoom(tenant);
    } catch (error) {
      const waitMs = refusals.take(tenant, 1);
      if (waitMs === 0) throw error;
      await sleep(waitMs, undefined, { signal });
      engine.requireRoom(tenant);
    }
  };
}
