/** Time, passed in so that decisions stay pure. Types only. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds of a monotonic clock, with fractions. */
  monotonicMs(): number;
}
