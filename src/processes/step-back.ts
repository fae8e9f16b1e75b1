import { readdirSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

const LOWEST = 19;

/**
 * All threads of this process, those included that collect its garbage, leave the processors to others, as `nice` does: behind what
 * they were started with, since nobody may come forward again. On Linux alone: elsewhere it is before the whole machine that it would be.
 */
export function stepBack(by: number): void {
  if (process.platform !== 'linux') return;
  for (const thread of readdirSync('/proc/self/task').map(Number)) {
    try {
      setPriority(thread, Math.min(LOWEST, getPriority(thread) + by));
    } catch {
      // It ended meanwhile.
    }
  }
}
