/** What the outcomes of its requests say of a replica: circuit breaker, outlier ejection, slow start. Pure. */

export interface Health {
  /** `trial`: it was ejected, and one request finds out whether it is well again. */
  readonly state: 'closed' | 'open' | 'trial';
  /** In a row. */
  readonly failures: number;
  /** How often it was ejected since it last was well for long. */
  readonly ejections: number;
  /** When the state began, by the monotonic clock; null for a replica that needs no slow start. */
  readonly sinceMs: number | null;
  /** Shares of failures and of all, which fade: the rate at which it fails. */
  readonly failed: number;
  readonly all: number;
}

export const WELL: Health = { state: 'closed', failures: 0, ejections: 0, sinceMs: null, failed: 0, all: 0 };

/** Failures in a row that eject. */
const FAILURES_IN_A_ROW = 3;
/** Or this share of many outcomes. */
const FAILED_SHARE = 0.4;
const ENOUGH_OUTCOMES = 10;
/** What an outcome still counts when the next one comes. */
const FADE = 0.95;
const FIRST_EJECTION_MS = 1000;
const LONGEST_EJECTION_MS = 60_000;
const LEAST_WEIGHT = 0.1;

/** @param mayEject false where too many are ejected already: then a bad replica is better than none */
export function afterOutcome(health: Health, ok: boolean, nowMs: number, mayEject: boolean): Health {
  if (health.state === 'open') return health;
  const counted = { failed: health.failed * FADE + (ok ? 0 : 1), all: health.all * FADE + 1 };
  if (health.state === 'trial') {
    return ok ? { ...WELL, ejections: health.ejections, sinceMs: nowMs } : ejected(health, nowMs);
  }
  if (ok) return { ...health, ...counted, failures: 0, ejections: isLongWell(health, nowMs) ? 0 : health.ejections };
  const failures = health.failures + 1;
  const isOutlier = counted.all >= ENOUGH_OUTCOMES && counted.failed / counted.all >= FAILED_SHARE;
  if (mayEject && (failures >= FAILURES_IN_A_ROW || isOutlier)) return ejected(health, nowMs);
  return { ...health, ...counted, failures };
}

/** An ejection that is over becomes a trial. */
export function atTime(health: Health, nowMs: number): Health {
  return health.state === 'open' && nowMs >= health.sinceMs! + ejectionMs(health.ejections)
    ? { ...health, state: 'trial', sinceMs: nowMs }
    : health;
}

/** Came up, or came back after it had been away. */
export const cameBack = (nowMs: number): Health => ({ ...WELL, sinceMs: nowMs });

/**
 * @param inFlight its requests: a trial is one request
 * @param slowStartMs how long one that is well again gets less than its share
 */
export function weightOf(health: Health, inFlight: number, nowMs: number, slowStartMs: number): number {
  if (health.state === 'open') return 0;
  if (health.state === 'trial') return inFlight === 0 ? LEAST_WEIGHT : 0;
  if (health.sinceMs === null) return 1;
  return Math.min(1, Math.max(LEAST_WEIGHT, (nowMs - health.sinceMs) / slowStartMs));
}

function ejected({ ejections }: Health, nowMs: number): Health {
  return { ...WELL, state: 'open', ejections: ejections + 1, sinceMs: nowMs };
}

const ejectionMs = (ejections: number): number =>
  Math.min(LONGEST_EJECTION_MS, FIRST_EJECTION_MS * 2 ** (ejections - 1));

const isLongWell = ({ sinceMs }: Health, nowMs: number): boolean =>
  sinceMs === null || nowMs - sinceMs > LONGEST_EJECTION_MS;
