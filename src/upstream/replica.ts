import type { AdapterRef } from '../contracts/adapter.js';
import type { Clock } from '../contracts/clock.js';
import type { ReplicaState, ReplicaStatus } from '../contracts/generator.js';
import type { Capabilities, Dialect, Expected } from './dialects/dialect.js';
import { broken } from './failure.js';
import { afterOutcome, atTime, cameBack, type Health, WELL, weightOf } from './health.js';
import { LoadedAdapters } from './loaded-adapters.js';
import type { ReplicaView } from './plan.js';
import type { Server } from './server.js';

export interface ReplicaOptions {
  readonly server: Server;
  readonly dialect: Dialect;
  /** Tokens that it must hold, and what it must serve. */
  readonly contextTokens: number;
  readonly expected: () => Promise<Expected>;
  /** For what it does not say itself. */
  readonly slots: number;
  readonly adapterSlots: number;
  /** Brings an adapter there. @throws ReplicaFailure */
  readonly load: (server: Server, adapter: AdapterRef) => Promise<void>;
  readonly slowStartMs: number;
  readonly clock: Clock;
  readonly log: Record<'info' | 'warn', (fields: object, message: string) => void>;
  /** It takes traffic, or takes none any more. */
  readonly onChange: () => void;
}

const PROBE_TIMEOUT_MS = 5000;
/** Of a request that somebody else sent: a prompt with passages, and its answer. */
const OTHERS_TOKENS = 1000;
/** Probes that fail before it counts as down: one is lost now and then. */
const FAILED_PROBES = 2;

/** One server of the pool: what it can do, what it has been sent, how it fares. */
export class Replica implements ReplicaView {
  readonly id: string;
  readonly server: Server;
  readonly loaded: LoadedAdapters;
  inFlight = 0;
  /** As of the last look. Slots are not taken by them: nobody knows what they are now. */
  others = 0;
  #ownTokens = 0;
  readonly #options: ReplicaOptions;
  readonly #adapterTokens = new Map<string, number>();
  #health: Health = WELL;
  /** null while it is down. */
  #capabilities: Capabilities | null = null;
  #reason: string | null = 'it has not answered yet';
  #failedProbes = 0;
  #wasUp = false;
  #isDraining = false;
  #relearning: Promise<void> | null = null;
  #probing: Promise<void> | null = null;

  constructor(options: ReplicaOptions) {
    const { adapterSlots, dialect, load, server } = options;
    this.#options = options;
    this.id = server.url;
    this.server = server;
    this.loaded = new LoadedAdapters(adapterSlots, {
      load: (adapter) => load(server, adapter),
      unload: async (digest) => dialect.unload?.(server, digest, AbortSignal.timeout(PROBE_TIMEOUT_MS)),
    });
  }

  /** What it can do; null while it is down. */
  get capabilities(): Capabilities | null {
    return this.#capabilities;
  }

  get slots(): number {
    return this.#capabilities === null ? 0 : (this.#capabilities.slots ?? this.#options.slots);
  }

  get weight(): number {
    this.#health = atTime(this.#health, this.#now());
    if (this.#capabilities === null || this.#isDraining) return 0;
    return weightOf(this.#health, this.inFlight, this.#now(), this.#options.slowStartMs);
  }

  get outstandingTokens(): number {
    return this.#ownTokens + this.others * OTHERS_TOKENS;
  }

  get isEjected(): boolean {
    return this.#health.state !== 'closed';
  }

  /** Whether it has an adapter, or can load it. */
  canServe(digest: string | null): boolean {
    const adapters = this.#capabilities?.adapters;
    if (digest === null) return adapters !== undefined;
    return adapters === 'loads' || (typeof adapters === 'object' && adapters.has(digest));
  }

  has(digest: string): boolean {
    return this.#capabilities?.adapters === 'loads' ? this.loaded.has(digest) : this.canServe(digest);
  }

  adapterTokens(digest: string): number {
    return this.#adapterTokens.get(digest) ?? 0;
  }

  /** A request has been sent to it. @returns what says that it is over */
  take(adapter: string | null, tokens: number): () => void {
    const add = (requests: number, count: number) => {
      this.inFlight += requests;
      this.#ownTokens += count;
      if (adapter === null) return;
      const total = this.adapterTokens(adapter) + count;
      if (total > 0) this.#adapterTokens.set(adapter, total);
      else this.#adapterTokens.delete(adapter);
    };
    add(1, tokens);
    return () => add(-1, -tokens);
  }

  /** How a request ended there. @param mayEject as in `health.ts` */
  tell(ok: boolean, mayEject: boolean): void {
    const wasEjected = this.isEjected;
    this.#health = afterOutcome(this.#health, ok, this.#now(), mayEject);
    if (this.isEjected === wasEjected) return;
    const { log, onChange } = this.#options;
    if (this.isEjected) log.warn({ replica: this.id }, 'a replica is ejected: its answers fail');
    else log.info({ replica: this.id }, 'a replica is well again');
    onChange();
  }

  /** Asks whether it works, and one that was down what it can do; one probe at a time. Never rejects. */
  probe(): Promise<void> {
    this.#probing ??= this.#look().finally(() => {
      this.#probing = null;
    });
    return this.#probing;
  }

  async #look(): Promise<void> {
    const { dialect } = this.#options;
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    try {
      if (this.#capabilities === null) this.#up(await this.#ask(signal));
      else {
        await this.server.call('GET', dialect.healthPath, null, signal);
        await this.#count(signal);
      }
      this.#failedProbes = 0;
    } catch (error) {
      this.#failedProbes += 1;
      if (this.#capabilities === null || this.#failedProbes >= FAILED_PROBES) {
        this.#down(signal.aborted ? `it did not answer within ${PROBE_TIMEOUT_MS} ms` : (error as Error).message);
      }
    }
  }

  /** What others sent it, other gateways for instance. Where it does not say, nobody did. */
  async #count(signal: AbortSignal): Promise<void> {
    const { dialect } = this.#options;
    const count = await dialect.countRequests?.(this.server, signal).catch(() => null);
    this.others = Math.max(0, (count ?? 0) - this.inFlight);
  }

  /** It is not what it was: asks it again what it can do, once for all who find out. Never rejects. */
  relearn(): Promise<void> {
    this.#relearning ??= this.#ask(AbortSignal.timeout(PROBE_TIMEOUT_MS))
      .then(
        (capabilities) => this.#learn(capabilities),
        (error: Error) => this.#down(error.message),
      )
      .finally(() => {
        this.#relearning = null;
      });
    return this.#relearning;
  }

  drain(isDraining: boolean): void {
    this.#isDraining = isDraining;
    const { log, onChange } = this.#options;
    log.info({ replica: this.id }, isDraining ? 'a replica drains' : 'a replica takes traffic again');
    onChange();
  }

  status(): ReplicaStatus {
    const state: ReplicaState =
      this.#capabilities === null ? 'down' : this.#isDraining ? 'draining' : this.isEjected ? 'ejected' : 'up';
    return {
      url: this.id,
      state,
      reason: this.#reason,
      slots: this.slots,
      inFlight: this.inFlight,
      others: this.others,
      outstandingTokens: this.#ownTokens,
      adapters: [...this.loaded.digests],
    };
  }

  /** @throws ReplicaFailure where it does not serve what it should */
  async #ask(signal: AbortSignal): Promise<Capabilities> {
    const { contextTokens, dialect, expected } = this.#options;
    await this.server.call('GET', dialect.healthPath, null, signal);
    const capabilities = await dialect.probe(this.server, await expected(), signal);
    if (capabilities.contextTokens !== null && capabilities.contextTokens < contextTokens) {
      throw broken(
        `it holds ${capabilities.contextTokens} tokens, less than upstream.contextTokens or engine.contextTokens says (${contextTokens}); raise the one or lower the other`,
      );
    }
    return capabilities;
  }

  #learn(capabilities: Capabilities): void {
    this.#capabilities = capabilities;
    this.loaded.reset(capabilities.loaded);
  }

  #up(capabilities: Capabilities): void {
    const { log, onChange } = this.#options;
    this.#learn(capabilities);
    this.#reason = null;
    // At the start of the gateway all come up together, and none needs to be spared.
    this.#health = this.#wasUp ? cameBack(this.#now()) : WELL;
    this.#wasUp = true;
    log.info({ replica: this.id, slots: this.slots }, 'a replica is up');
    onChange();
  }

  #down(reason: string): void {
    const wasUp = this.#capabilities !== null;
    const isNews = this.#reason !== reason;
    this.#capabilities = null;
    this.#reason = reason;
    if (isNews) this.#options.log.warn({ replica: this.id, reason }, 'a replica is down');
    if (wasUp) this.#options.onChange();
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }
}
