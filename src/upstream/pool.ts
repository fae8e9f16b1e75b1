import { addressesIn } from '../config/engines.js';
import type { AdapterRef } from '../contracts/adapter.js';
import type { Clock } from '../contracts/clock.js';
import type { ReplicaStatus } from '../contracts/generator.js';
import type { Dialect, Expected } from './dialects/dialect.js';
import { planRoute, type RouteRequest } from './plan.js';
import { Replica } from './replica.js';
import { createServer, type Server } from './server.js';
import type { UpstreamSettings } from './settings.js';

export interface PoolOptions {
  readonly settings: UpstreamSettings;
  readonly dialect: Dialect;
  readonly contextTokens: number;
  readonly expected: () => Promise<Expected>;
  readonly load: (server: Server, adapter: AdapterRef) => Promise<void>;
  readonly clock: Clock;
  readonly log: Record<'info' | 'warn', (fields: object, message: string) => void>;
  /** A replica comes or goes. */
  readonly onChange: () => void;
}

/** Replicas that may be ejected at once: with more, a bad answer is better than none. */
const EJECTED_SHARE = 0.5;

/** All replicas, each looked at from time to time. */
export class Pool {
  readonly #replicas: readonly Replica[];
  readonly #timer: NodeJS.Timeout;

  constructor({ settings, dialect, ...options }: PoolOptions) {
    const { adapterSlots, probeIntervalMs, urls } = settings;
    this.#replicas = addressesIn(urls).map(
      (url) =>
        new Replica({
          ...options,
          dialect,
          server: createServer({ ...settings, url }),
          slots: settings.slots,
          // Those that it was started with stay.
          adapterSlots: dialect.load ? adapterSlots : Number.POSITIVE_INFINITY,
          slowStartMs: settings.slowStartMs,
        }),
    );
    this.#timer = setInterval(() => void this.probe(), probeIntervalMs).unref();
  }

  /** Requests that those that take traffic answer at once. */
  get slots(): number {
    return this.#replicas.reduce((sum, replica) => (isOpen(replica) ? sum + replica.slots : sum), 0);
  }

  /** Why none takes traffic; null where one does. */
  get trouble(): string | null {
    if (this.#replicas.some(isOpen)) return null;
    const { state, reason } = this.status()[0]!;
    return `none of ${this.#replicas.length} replicas takes traffic; the first is ${state}${reason ? `: ${reason}` : ''}`;
  }

  async probe(): Promise<void> {
    await Promise.all(this.#replicas.map((replica) => replica.probe()));
  }

  /** Whether any that takes traffic has an adapter, or can load it. */
  canServe(adapter: string | null): boolean {
    return this.#replicas.some((replica) => isOpen(replica) && replica.canServe(adapter));
  }

  /** @param conversation asked where there is a choice alone @returns null where none is left */
  choose(
    { adapter, tokens, conversation }: Pick<RouteRequest, 'adapter' | 'tokens'> & { conversation: () => string },
    tried: ReadonlySet<Replica>,
  ): Replica | null {
    const mayAnswer = (replica: Replica) => isOpen(replica) && !tried.has(replica) && replica.canServe(adapter);
    const able = this.#replicas.filter(mayAnswer);
    const adapterTokens = adapter === null ? 0 : able.reduce((sum, one) => sum + one.adapterTokens(adapter), 0);
    const told = able.length > 1 ? conversation() : '';
    return planRoute(able, { adapter, adapterTokens, conversation: told, tokens });
  }

  /** How a request ended. @param ok false where the replica is to blame */
  tell(replica: Replica, ok: boolean): void {
    replica.tell(ok, !ok && this.#mayEject());
  }

  /** @returns undefined where there is no such replica */
  drain(url: string, isDraining: boolean): ReplicaStatus | undefined {
    const replica = this.#replicas.find(({ id }) => id === url);
    replica?.drain(isDraining);
    return replica?.status();
  }

  status(): ReplicaStatus[] {
    return this.#replicas.map((replica) => replica.status());
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#replicas.map(({ server }) => server.close()));
  }

  #mayEject(): boolean {
    const known = this.#replicas.filter(({ capabilities }) => capabilities !== null);
    const ejected = known.filter(({ isEjected }) => isEjected).length;
    return ejected + 1 <= known.length * EJECTED_SHARE;
  }
}

const isOpen = ({ weight }: Replica): boolean => weight > 0;
