import type { AdapterRef } from '../../contracts/adapter.js';

/** A request's claim on an adapter: while it is held the adapter stays where it is. */
export interface AdapterHold {
  readonly slot: number;
  readonly digest: string;
  readonly state: 'loading' | 'ready' | 'failed';
  /** Why it failed. */
  readonly reason: string | null;
}

interface Resident extends AdapterHold {
  state: AdapterHold['state'];
  reason: string | null;
  holders: number;
  /** Order of the last release: the smallest is the least recently used. */
  usedAt: number;
}

export interface BankOptions {
  readonly slots: number;
  /** Reads an adapter and writes it into a slot; the writing happens between two steps. */
  readonly load: (adapter: AdapterRef, slot: number) => Promise<void>;
  /** Called when a load ended, well or not. */
  readonly onSettled: (hold: AdapterHold) => void;
}

/**
 * Which adapter lies in which slot of the bank. Adapters are known by the digest of their content, never by name, so a
 * new version under an old name is another adapter, and a request keeps the one it claimed. Slots that no request
 * holds are reused, least recently used first. docs/decisions/0005-lora-bank.md
 */
export class LoraBank {
  readonly #options: BankOptions;
  readonly #residents: (Resident | null)[];
  #releases = 0;
  /** Loads run one after another: one adapter's worth of memory in transit, whatever the queue holds. */
  #loads: Promise<void> = Promise.resolve();

  constructor(options: BankOptions) {
    this.#options = options;
    this.#residents = new Array<Resident | null>(options.slots).fill(null);
  }

  /** Claims an adapter and starts to load it where needed; null while every slot is held by others. */
  acquire(adapter: AdapterRef): AdapterHold | null {
    const resident = this.#residents.find((candidate) => candidate?.digest === adapter.digest) ?? this.#place(adapter);
    if (resident) resident.holders++;
    return resident;
  }

  release(hold: AdapterHold): void {
    const resident = hold as Resident;
    resident.holders--;
    resident.usedAt = ++this.#releases;
  }

  /** Digests of the adapters that are ready. */
  residents(): string[] {
    return this.#residents.flatMap((resident) => (resident?.state === 'ready' ? [resident.digest] : []));
  }

  #place(adapter: AdapterRef): Resident | null {
    const slot = this.#reusableSlot();
    if (slot === null) return null;
    const resident: Resident = { slot, digest: adapter.digest, state: 'loading', reason: null, holders: 0, usedAt: 0 };
    this.#residents[slot] = resident;
    this.#loads = this.#loads.then(() => this.#load(adapter, resident));
    return resident;
  }

  #reusableSlot(): number | null {
    const empty = this.#residents.indexOf(null);
    if (empty !== -1) return empty;
    const idle = this.#residents
      .filter((resident) => resident !== null)
      .filter(({ holders, state }) => holders === 0 && state === 'ready')
      .sort((a, b) => a.usedAt - b.usedAt);
    return idle[0]?.slot ?? null;
  }

  async #load(adapter: AdapterRef, resident: Resident): Promise<void> {
    try {
      await this.#options.load(adapter, resident.slot);
      resident.state = 'ready';
    } catch (error) {
      resident.state = 'failed';
      resident.reason = error instanceof Error ? error.message : String(error);
      this.#residents[resident.slot] = null;
    }
    this.#options.onSettled(resident);
  }
}
