import type { AdapterRef } from '../../contracts/adapter.js';
import type { ResidentView } from './adapter-plan.js';

/** A running request's claim on an adapter: while it is held the adapter stays where it is. */
export interface AdapterHold {
  readonly slot: number;
  readonly digest: string;
}

interface Resident extends ResidentView {
  state: ResidentView['state'];
  holders: number;
  usedAt: number;
}

export interface BankOptions {
  readonly slots: number;
  /** Reads an adapter and writes it into a slot; the writing happens between two steps. */
  readonly load: (adapter: AdapterRef, slot: number) => Promise<void>;
  /** Called when a load ended; `failure` says why it was in vain. */
  readonly onSettled: (digest: string, failure: string | null) => void;
}

/**
 * Which adapter lies in which slot of the bank. Adapters are known by the digest of their content, never by name, so a
 * new version under an old name is another adapter. What to load where is decided in adapter-plan.ts.
 * docs/decisions/0005-lora-bank.md
 */
export class LoraBank {
  readonly #options: BankOptions;
  readonly #residents: (Resident | null)[];
  #uses = 0;

  constructor(options: BankOptions) {
    this.#options = options;
    this.#residents = new Array<Resident | null>(options.slots).fill(null);
  }

  /** By slot, null = empty. */
  get residents(): readonly (ResidentView | null)[] {
    return this.#residents;
  }

  isReady(digest: string): boolean {
    return this.#find(digest)?.state === 'ready';
  }

  /** Starts to load an adapter into a slot that no running request uses; what lies there is forgotten. */
  load(adapter: AdapterRef, slot: number): void {
    const { digest } = adapter;
    const resident: Resident = { slot, digest, state: 'loading', holders: 0, usedAt: ++this.#uses };
    this.#residents[slot] = resident;
    const settle = (failure: string | null) => {
      resident.state = 'ready';
      if (failure !== null) this.#residents[slot] = null;
      this.#options.onSettled(digest, failure);
    };
    this.#options.load(adapter, slot).then(
      () => settle(null),
      (error) => settle(error instanceof Error ? error.message : String(error)),
    );
  }

  /** Claims an adapter that is ready. */
  acquire(digest: string): AdapterHold {
    const resident = this.#find(digest)!;
    resident.holders++;
    return resident;
  }

  release({ slot }: AdapterHold): void {
    const resident = this.#residents[slot]!;
    resident.holders--;
    resident.usedAt = ++this.#uses;
  }

  #find(digest: string): Resident | null | undefined {
    return this.#residents.find((resident) => resident?.digest === digest);
  }
}
