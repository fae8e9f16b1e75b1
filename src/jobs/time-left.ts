/** Work that is over, in the unit of its kind, and the time that it took. */
export interface PastWork {
  readonly size: number;
  readonly durationMs: number;
}

export interface Ahead {
  /** Work of the job's own tenant up to the end of the job, in the same unit. */
  readonly size: number;
  /** Tenants that have unfinished jobs, its own included. */
  readonly tenants: number;
  /** Jobs that are worked on at once, one a tenant. */
  readonly atOnce: number;
}

/**
 * How long a job takes until it is done, by its own pace since it was begun, in milliseconds. Null before two parts of it are done.
 * @param done parts, in that time
 */
export function ownTimeLeftMs({ done, left, inMs }: { done: number; left: number; inMs: number }): number | null {
  return done < 2 ? null : Math.round((inMs / done) * left);
}

/**
 * How long a job takes until it is done, in milliseconds: a tenant's jobs follow one another, and where there are more
 * tenants than are served at once, they take turns. Null before anything of its kind was done.
 */
export function timeLeftMs(past: PastWork, { size, tenants, atOnce }: Ahead): number | null {
  if (past.size === 0) return null;
  return Math.round(size * (past.durationMs / past.size) * Math.max(1, tenants / atOnce));
}
