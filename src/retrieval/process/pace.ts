import { Allowance } from '../../queues/allowance.js';

/** Who uses little, and how long the others pause for them. */
export interface Pace {
  /** The tenant has used little of late: nobody's bulk goes before it. */
  isWithin(tenant: string): boolean;
  /** The same of what it waits for itself: however much of its files is read meanwhile. */
  asksLittle(tenant: string): boolean;
  /** When the tenant's next job may begin; 0 for at once. */
  readyAtMs(tenant: string): number;
  /**
   * Counts what work of the tenant takes that nobody waits for here.
   * @param isBulk nobody waits for it elsewhere either
   */
  charge(tenant: string, costMs: number, isBulk: boolean): void;
  /** Waits for work of the tenant elsewhere: of its allowance nothing comes back meanwhile, however long it takes behind everything. */
  waiting<T>(tenant: string, work: () => Promise<T>): Promise<T>;
  /**
   * Runs a job of the tenant and counts what it takes.
   * @param costMs of a job that waits for the disk, which takes longer the more is going on
   */
  run<T>(tenant: string, job: () => T | Promise<T>, costMs?: number): Promise<T>;
}

export interface PaceOptions {
  readonly nowMs: () => number;
  /** Milliseconds that this thread has waited for a processor so far. */
  readonly waitedMs: () => number;
}

/** Work of a tenant that counts as little: half a second at once, and a quarter of the time in the long run. */
const ALLOWANCE = { burst: 500, perMs: 0.25 };
/** The machine is wanted by others where a job waits for a processor for more than this share of its time. */
const CONTENDED = 0.1;
/** How long who uses much pauses then, by what its last job took. */
const PAUSE = 2;

/**
 * Leaves the machine to those who use little. Whoever is beyond its allowance pauses after each job in which this thread
 * had to wait for a processor: the engine computes someone's answer with all of them, and a step ends when its slowest
 * thread does. While nobody else wants a processor nobody pauses.
 */
export function createPace({ nowMs, waitedMs }: PaceOptions): Pace {
  const allowance = new Allowance(ALLOWANCE, nowMs);
  const asked = new Allowance(ALLOWANCE, nowMs);
  const charge: Pace['charge'] = (tenant, costMs, isBulk) => {
    allowance.spend(tenant, costMs);
    if (!isBulk) asked.spend(tenant, costMs);
  };
  const readyAt = new Map<string, number>();
  return {
    isWithin: (tenant) => allowance.isWithin(tenant),
    asksLittle: (tenant) => asked.isWithin(tenant),
    readyAtMs: (tenant) => readyAt.get(tenant) ?? 0,
    charge,
    async waiting(tenant, work) {
      const startedMs = nowMs();
      try {
        return await work();
      } finally {
        charge(tenant, ALLOWANCE.perMs * (nowMs() - startedMs), false);
      }
    },
    async run(tenant, job, costMs) {
      const [startedMs, before] = [nowMs(), waitedMs()];
      try {
        return await job();
      } finally {
        const tookMs = nowMs() - startedMs;
        const waited = Math.min(tookMs, waitedMs() - before);
        charge(tenant, costMs ?? tookMs - waited, false);
        if (waited > CONTENDED * tookMs && !allowance.isWithin(tenant)) readyAt.set(tenant, nowMs() + PAUSE * tookMs);
        else readyAt.delete(tenant);
      }
    },
  };
}
