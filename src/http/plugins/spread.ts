import { Transform, type TransformCallback } from 'node:stream';
import { Pacer } from '../../queues/pacer.js';

/** What passes at once: the receiving of it takes a millisecond or two. */
const AT_ONCE_BYTES = 256 * 1024;
/** However slow the pace is. */
const LONGEST_MS = 5000;

/**
 * Passes the bytes of a large body on evenly. As fast as they come they keep this thread and a processor for longer than a piece of
 * somebody's answer takes; what takes a second does not.
 * @param mostBytes that may come, in five seconds at the latest
 */
export function spread(bytesPerMs: number, mostBytes: number, nowMs: () => number): Transform {
  const perMs = Math.max(bytesPerMs, mostBytes / LONGEST_MS);
  const pacer = new Pacer({ perMs, burstMs: AT_ONCE_BYTES / perMs, longestWaitMs: LONGEST_MS, nowMs });
  let timer: NodeJS.Timeout | undefined;
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      const waitMs = pacer.take('', chunk.length);
      if (waitMs === 0) done(null, chunk);
      else timer = setTimeout(done, waitMs, null, chunk);
    },
    destroy(error, done) {
      clearTimeout(timer);
      done(error);
    },
  });
}
