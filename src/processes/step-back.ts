import { getPriority, setPriority } from 'node:os';

const LOWEST = 19;

/**
 * This thread and those that it starts from now on leave the processors to others, as `nice` does: behind what this process was
 * started with, since nobody may come forward again. On Linux alone: elsewhere it would be the whole process, before the whole machine.
 */
export function stepBack(by: number): void {
  if (process.platform === 'linux') setPriority(Math.min(LOWEST, getPriority() + by));
}
