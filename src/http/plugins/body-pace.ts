import type { Transform } from 'node:stream';
import type { Clock } from '../../contracts/clock.js';
import { Pacer } from '../../queues/pacer.js';
import { spread } from './spread.js';

/** What a part of a body costs that is no text: an object, a list or a name takes as long to read and check as so many bytes. */
export const PART_BYTES = 256;
const BURST_MS = 250;
const LONGEST_WAIT_MS = 5000;

/**
 * How fast the bodies of one tenant are read, in bytes: reading them is work of the gateway's own thread, and on a small machine
 * of the processors that somebody's answer is computed with. Who sends more waits with it; what others send is read meanwhile.
 */
export interface BodyPace extends Pick<Pacer, 'take'> {
  /** For the bytes of one that comes as a stream, of so many at most. */
  spread(mostBytes: number): Transform;
}

export function createBodyPace(bytesPerSecond: number, clock: Clock): BodyPace {
  const perMs = bytesPerSecond / 1000;
  const nowMs = clock.monotonicMs;
  const pacer = new Pacer({ perMs, burstMs: BURST_MS, longestWaitMs: LONGEST_WAIT_MS, nowMs });
  return {
    take: (tenant, bytes) => pacer.take(tenant, bytes),
    spread: (mostBytes) => spread(perMs, mostBytes, nowMs),
  };
}
