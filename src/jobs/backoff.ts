const FIRST_MS = 250;
const LONGEST_MS = 60_000;

/** How long a job waits after its `attempts`th attempt went wrong: twice as long each time, so that it keeps others from nothing. */
export function backoffMs(attempts: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, attempts - 1));
}
