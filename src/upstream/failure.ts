/**
 * What went wrong at a replica.
 *
 * | kind | meaning | what comes next |
 * | --- | --- | --- |
 * | `broken` | it cannot be reached, hangs, resets, or says what is no answer (503 as well) | another is asked, and it counts against this one |
 * | `busy` | it has too much to do (429) | another is asked |
 * | `adapter` | the adapter cannot be loaded there | another is asked |
 * | `stale` | it is not what it was when it was asked what it can do: the adapter is gone | it is asked what it can do, then the same again |
 * | `refused` | it will not do this, and neither will another | the request ends |
 */
type FailureKind = 'broken' | 'busy' | 'adapter' | 'stale' | 'refused';

export class ReplicaFailure extends Error {
  readonly kind: FailureKind;
  /** Of its answer, where it gave one. */
  readonly status: number | null;

  constructor(kind: FailureKind, reason: string, { status, cause }: { status?: number; cause?: unknown } = {}) {
    super(reason, { cause });
    this.name = 'ReplicaFailure';
    this.kind = kind;
    this.status = status ?? null;
  }
}

export const broken = (reason: string, cause?: unknown): ReplicaFailure =>
  new ReplicaFailure('broken', reason, { cause });

/** What a status of HTTP says of who answered with it. */
export function failureOf(status: number, said: string): ReplicaFailure {
  if (status === 429) return new ReplicaFailure('busy', said, { status });
  const isOurs = status >= 400 && status < 500 && status !== 401 && status !== 403 && status !== 408;
  return new ReplicaFailure(isOurs ? 'refused' : 'broken', said, { status });
}
