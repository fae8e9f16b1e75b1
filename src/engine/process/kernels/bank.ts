import type { DecoderShape } from '../../../contracts/model-manifest.js';
import { type AdapterTensors, piecesOf } from '../../../layouts/adapter-file.js';
import { LORA_TARGETS } from '../../../layouts/lora.js';
import type { Handle, OnnxRuntime } from '../onnxruntime.js';
import { BankMemory, bankSites, PLACE_ROWS } from './bank-memory.js';
import type { NativeKernels } from './native.js';
import { closeGaps, findGap, type Places } from './places.js';

/**
 * The bank as the kernels read it (native/src/layout.h): places of PLACE_ROWS rows, of which an adapter takes as many
 * neighbouring ones as its rank needs. So the memory is that of the largest set of adapters that lay there together, and
 * neither the largest rank that is accepted nor the rank of a neighbour costs anything.
 * docs/decisions/0084-ranks-up-to-64.md
 */
export class KernelBank {
  readonly #allocate: (places: number) => BankMemory;
  readonly #shape: DecoderShape;
  readonly #maxRank: number;
  readonly #sites: ReturnType<typeof bankSites>;
  /** By slot; null: empty. */
  readonly #places: (Places | null)[];
  #memory: BankMemory;

  constructor(runtime: OnnxRuntime, kernels: NativeKernels, shape: DecoderShape, slots: number, maxRank: number) {
    this.#shape = shape;
    this.#maxRank = maxRank;
    this.#sites = bankSites(shape);
    this.#places = new Array<Places | null>(slots).fill(null);
    this.#allocate = (places) => new BankMemory(runtime, kernels, this.#sites, shape.layers, places);
    this.#memory = this.#allocate(slots);
  }

  /** `lora_ranks`, then A and B of every layer and site, in the order of `names`. Others after a `write`. */
  get tensors(): readonly Handle[] {
    return this.#memory.tensors;
  }

  get names(): readonly string[] {
    return this.#memory.names;
  }

  /** What `lora_slots` says of a slot that was written. */
  firstPlace(slot: number): number {
    return this.#places[slot]!.first;
  }

  /** @throws Error when the rank is larger than what is accepted */
  write(slot: number, adapter: AdapterTensors): void {
    const rank = Math.max(...Object.values(adapter.ranks));
    if (rank > this.#maxRank) {
      throw new Error(`its rank is ${rank}, at most ${this.#maxRank} is accepted (engine.maxAdapterRank)`);
    }
    const count = Math.max(1, Math.ceil(rank / PLACE_ROWS));
    this.#places[slot] = null;
    const place = findGap(this.#taken(), this.#memory.places, count) ?? this.#makeRoom(count);
    this.#places[slot] = place;
    LORA_TARGETS.forEach((target, column) => {
      this.#memory.ranks[place.first * LORA_TARGETS.length + column] = adapter.ranks[target];
    });
    const rows = count * PLACE_ROWS;
    for (const { layer, target, a, b } of piecesOf(adapter, this.#shape)) {
      const site = this.#sites.findIndex(({ targets }) => targets.includes(target));
      const { inputs, outputs, targets, outputsBefore } = this.#sites[site]!;
      const { a: sitesA, b: sitesB } = this.#memory.sites[layer * this.#sites.length + site]!;
      const first = place.first * PLACE_ROWS;
      sitesA.set(a, (first * targets.length + targets.indexOf(target) * rows) * inputs);
      sitesB.set(b, first * outputs + outputsBefore[targets.indexOf(target)]! * rows);
    }
  }

  /** Closes the gaps, in more memory where what there is does not suffice. */
  #makeRoom(count: number): Places {
    const before = this.#memory;
    const moves = closeGaps(this.#taken());
    const first = moves.reduce((sum, { from }) => sum + from.count, 0);
    if (first + count > before.places) this.#memory = this.#allocate(first + count);
    this.#memory.take(before, moves);
    for (const [slot, place] of this.#places.entries()) {
      const move = moves.find(({ from }) => from === place);
      if (move) this.#places[slot] = { first: move.first, count: move.from.count };
    }
    if (this.#memory !== before) before.release();
    return { first, count };
  }

  #taken(): Places[] {
    return this.#places.filter((place) => place !== null);
  }
}
