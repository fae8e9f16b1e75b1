/** What became of every call, and whether a fault explains it. Pure. */
import { ERRORS, type ErrorCode } from '../../src/errors/table.js';
import { quantile } from '../load.js';

/** What is done to the gateway: a process of it is killed, its disk is full, or its wall clock jumps. */
export type FaultKind = 'engine' | 'retrieval' | 'tokenizer' | 'parser' | 'disk' | 'clock';

export interface Call {
  readonly user: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Null: as it should be; else the code of an error, or what is wrong. */
  readonly error: string | null;
}

export interface Fault {
  readonly kind: FaultKind;
  readonly fromMs: number;
  /** Everything was ready again. */
  readonly toMs: number;
}

/** What a client may be told because of a fault. A parser that dies and a clock that jumps are nobody's business. */
const EXPLAINS: Readonly<Record<FaultKind, readonly ErrorCode[]>> = {
  engine: ['engine_unavailable', 'queue_full'],
  retrieval: ['retrieval_unavailable'],
  tokenizer: ['tokenizer_unavailable'],
  parser: [],
  disk: ['storage_unavailable'],
  clock: [],
};

/** A retryable error of the kind that a fault makes, of a call that was under way during one. */
export function isExplained({ error, startMs, endMs }: Call, faults: readonly Fault[]): boolean {
  if (error === null) return true;
  if (!(error in ERRORS) || !ERRORS[error as ErrorCode].retryable) return false;
  return faults.some(
    ({ kind, fromMs, toMs }) => EXPLAINS[kind].includes(error as ErrorCode) && startMs <= toMs && endMs >= fromMs,
  );
}

export interface ErrorCount {
  readonly user: string;
  readonly error: string;
  readonly explained: number;
  readonly unexplained: number;
}

export function countErrors(calls: readonly Call[], faults: readonly Fault[]): ErrorCount[] {
  const counts = new Map<string, ErrorCount>();
  for (const call of calls) {
    if (call.error === null) continue;
    const { user, error } = call;
    const known = counts.get(`${user} ${error}`) ?? { user, error, explained: 0, unexplained: 0 };
    const which = isExplained(call, faults) ? 'explained' : 'unexplained';
    counts.set(`${user} ${error}`, { ...known, [which]: known[which] + 1 });
  }
  return [...counts.values()];
}

/** The 99th percentile of the last third of a time over that of its first, by the calls that went well. */
export function p99Drift(calls: readonly Call[], fromMs: number, toMs: number): number {
  const third = (toMs - fromMs) / 3;
  const p99 = (from: number, to: number) =>
    quantile(
      calls
        .filter(({ error, startMs, endMs }) => error === null && startMs >= from && endMs <= to)
        .map(({ startMs, endMs }) => endMs - startMs),
      0.99,
    );
  return p99(toMs - third, toMs) / p99(fromMs, fromMs + third);
}

/** The median of the slopes between all pairs of points: a collection here and there changes nothing. */
export function medianSlope(points: readonly (readonly [number, number])[]): number {
  const slopes = points.flatMap(([x, y], i) =>
    points.slice(i + 1).map(([laterX, laterY]) => (laterY - y) / (laterX - x)),
  );
  return quantile(slopes, 0.5);
}
