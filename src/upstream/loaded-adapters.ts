import type { AdapterRef } from '../contracts/adapter.js';
import { ReplicaFailure } from './failure.js';

interface Loaded {
  readonly ready: Promise<void>;
  /** Requests that use it. */
  held: number;
}

export interface AdapterLoader {
  /** @throws ReplicaFailure */
  load(adapter: AdapterRef): Promise<void>;
  unload(digest: string): Promise<void>;
}

/**
 * The adapters that one replica has loaded, by digest: so one that was replaced is another, and what is loaded is never out of
 * date. Loaded once however many ask for it at once; the least recently used gives way, but none that is in use.
 */
export class LoadedAdapters {
  readonly #limit: number;
  readonly #loader: AdapterLoader;
  /** The least recently used first. */
  readonly #loaded = new Map<string, Loaded>();

  constructor(limit: number, loader: AdapterLoader) {
    this.#limit = limit;
    this.#loader = loader;
  }

  get digests(): Iterable<string> {
    return this.#loaded.keys();
  }

  has(digest: string): boolean {
    return this.#loaded.has(digest);
  }

  /** What the replica says that it has, and nothing else. Requests that hold what is gone find out themselves. */
  reset(digests: Iterable<string>): void {
    this.#loaded.clear();
    for (const digest of digests) this.#loaded.set(digest, { ready: Promise.resolve(), held: 0 });
  }

  /**
   * An abort gives up the wait; the adapter is loaded all the same, for whoever waits besides.
   * @returns what lets go of it
   * @throws ReplicaFailure `busy` where all that it may have loaded are in use, and what the loader throws
   */
  async hold(adapter: AdapterRef, signal: AbortSignal): Promise<() => void> {
    const { digest } = adapter;
    const loaded = this.#loaded.get(digest) ?? { ready: this.#load(adapter), held: 0 };
    this.#loaded.delete(digest);
    this.#loaded.set(digest, loaded);
    loaded.held += 1;
    const letGo = () => {
      loaded.held -= 1;
    };
    try {
      await orAbort(loaded.ready, signal);
    } catch (error) {
      letGo();
      if (!signal.aborted && this.#loaded.get(digest) === loaded) this.#loaded.delete(digest);
      throw error;
    }
    return letGo;
  }

  async #load(adapter: AdapterRef): Promise<void> {
    await this.#makeRoom();
    await this.#loader.load(adapter);
  }

  async #makeRoom(): Promise<void> {
    const unused = [...this.#loaded].filter(([, { held }]) => held === 0).map(([digest]) => digest);
    const surplus = this.#loaded.size + 1 - this.#limit;
    if (surplus > unused.length) {
      throw new ReplicaFailure('busy', `all ${this.#limit} adapters that it may have loaded are in use`);
    }
    const leaving = unused.slice(0, Math.max(0, surplus));
    for (const digest of leaving) this.#loaded.delete(digest);
    // One that stays where it should go is only one too many: the next that is loaded will say so.
    await Promise.allSettled(leaving.map((digest) => this.#loader.unload(digest)));
  }
}

/** @throws the signal's reason after an abort; what was waited for goes on */
async function orAbort(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let giveUp = () => {};
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
