import { createHash } from 'node:crypto';
import type { Clock } from '../contracts/clock.js';
import { AppError } from '../errors/app-error.js';
import type { Job } from './protocol.js';

/** Deaths of the engine after which a request is run no more. */
const MOST_DEATHS = 2;
/** After this long a request is no longer suspected: the cause may be gone. */
const REMEMBERED_MS = 600_000;
const REMEMBERED_JOBS = 1024;

type What = Pick<Job, 'tenant' | 'audience' | 'adapter' | 'promptIds'>;

/**
 * What was being answered when the engine died. Clients send such a request again, and one that is the cause would end
 * the engine, and the answers of everybody with it, again and again.
 */
export class FatalJobs {
  readonly #clock: Clock;
  readonly #deaths = new Map<string, { count: number; lastMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The engine died while it answered these. */
  died(jobs: readonly What[]): void {
    for (const key of new Set(jobs.map(keyOf))) {
      const count = 1 + (this.#deaths.get(key)?.count ?? 0);
      this.#deaths.delete(key);
      this.#deaths.set(key, { count, lastMs: this.#clock.monotonicMs() });
    }
    for (const key of this.#deaths.keys()) {
      if (this.#deaths.size <= REMEMBERED_JOBS) break;
      this.#deaths.delete(key);
    }
  }

  /** It was answered to its end: it was not the cause. */
  survived(job: What): void {
    if (this.#deaths.size > 0) this.#deaths.delete(keyOf(job));
  }

  /** @throws AppError `request_ends_engine` */
  check(job: What): void {
    if (this.#deaths.size === 0) return;
    const key = keyOf(job);
    const deaths = this.#deaths.get(key);
    if (!deaths) return;
    if (this.#clock.monotonicMs() - deaths.lastMs > REMEMBERED_MS) this.#deaths.delete(key);
    else if (deaths.count >= MOST_DEATHS) throw new AppError('request_ends_engine', { deaths: deaths.count });
  }
}

function keyOf({ tenant, audience, adapter, promptIds }: What): string {
  return createHash('sha256')
    .update(JSON.stringify([tenant, audience, adapter?.digest ?? null]))
    .update(new Uint8Array(promptIds.buffer, promptIds.byteOffset, promptIds.byteLength))
    .digest('base64');
}
