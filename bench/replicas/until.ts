import { setTimeout as sleep } from 'node:timers/promises';

/** @throws Error that says what took too long */
export function inTime<T>(what: string, limitMs: number, job: Promise<T>): Promise<T> {
  const late = sleep(limitMs, null, { ref: false }).then(() => {
    throw new Error(`${what}: not within ${limitMs / 1000} s`);
  });
  return Promise.race([job, late]);
}

/** Looks again and again until there is something. @throws Error that says what was waited for in vain */
export async function until<T>(what: string, limitMs: number, look: () => Promise<T | null>, pauseMs = 5): Promise<T> {
  const endMs = performance.now() + limitMs;
  while (performance.now() < endMs) {
    const found = await look();
    if (found !== null) return found;
    await sleep(pauseMs);
  }
  throw new Error(`${what}: not within ${limitMs / 1000} s`);
}
