import type { Clock } from '../../contracts/clock.js';
import type { JobStore } from '../../jobs/jobs.js';

interface TidyingOptions {
  /** Empties the stores whose time is up. */
  readonly expire: () => Promise<void>;
  readonly jobs: Pick<JobStore, 'prune'>;
  readonly clock: Clock;
  readonly onError: (error: unknown, what: string) => void;
}

/** How often expired stores are emptied and old jobs forgotten. */
const TIDY_EVERY_MS = 60_000;
const JOBS_KEPT_MS = 7 * 86_400_000;

/** Sees to it from time to time that what is over goes: expired stores, old jobs. */
export function startTidying({ expire, jobs, clock, onError }: TidyingOptions): { stop(): void } {
  const tidy = async () => {
    await expire();
    await jobs.prune(clock.now() - JOBS_KEPT_MS);
  };
  let isStopped = false;
  const report = (error: unknown) => {
    // What was under way finds the database closed then, and the next start does it.
    if (!isStopped) onError(error, 'tidying up');
  };
  const tidying = setInterval(() => void tidy().catch(report), TIDY_EVERY_MS);
  return {
    stop() {
      isStopped = true;
      clearInterval(tidying);
    },
  };
}
