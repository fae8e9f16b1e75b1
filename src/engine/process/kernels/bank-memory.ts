import type { DecoderShape, LoraTarget } from '../../../contracts/model-manifest.js';
import { LORA_SITES, LORA_TARGETS, targetSizes } from '../../../layouts/lora.js';
import type { NativeMemory } from '../../../native/library.js';
import type { Handle, OnnxRuntime } from '../onnxruntime.js';
import type { NativeKernels } from './native.js';
import type { Places } from './places.js';

/** Rows of a place: the usual rank, so that an adapter of it wastes nothing. */
export const PLACE_ROWS = 8;

/** A fused site: elements of its input and its outputs, and where each target's outputs begin. */
export interface BankSite {
  readonly site: string;
  readonly targets: readonly LoraTarget[];
  readonly inputs: number;
  readonly outputs: number;
  readonly outputsBefore: readonly number[];
}

export function bankSites(shape: DecoderShape): readonly BankSite[] {
  const sizes = targetSizes(shape);
  return LORA_SITES.map(({ site, targets }) => {
    let outputs = 0;
    const outputsBefore = targets.map((target) => {
      const before = outputs;
      outputs += sizes[target].outputs;
      return before;
    });
    return { site, targets, inputs: sizes[targets[0]!].inputs, outputs, outputsBefore };
  });
}

/** A number of places of all layers and sites: `A [places][targets][PLACE_ROWS][inputs]`, `B [places][PLACE_ROWS][outputs]`. */
export class BankMemory {
  readonly places: number;
  /** `[places][targets of a layer]`, at an adapter's first place. */
  readonly ranks: Int32Array;
  /** A and B of every layer and site. */
  readonly sites: readonly { readonly a: Uint16Array; readonly b: Uint16Array }[];
  readonly names: readonly string[];
  readonly tensors: readonly Handle[];
  readonly #runtime: OnnxRuntime;
  readonly #memory: NativeMemory;

  constructor(
    runtime: OnnxRuntime,
    kernels: NativeKernels,
    bankSites: readonly BankSite[],
    layers: number,
    places: number,
  ) {
    const perSite = bankSites.map(({ site, targets, inputs, outputs }) => {
      return { site, a: [places, targets.length, PLACE_ROWS, inputs], b: [places, PLACE_ROWS, outputs] };
    });
    const elements = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);
    const perLayer = perSite.reduce((sum, { a, b }) => sum + elements(a) + elements(b), 0);
    this.#memory = kernels.allocate(layers * perLayer * Uint16Array.BYTES_PER_ELEMENT, 'dense');
    let offset = 0;
    const take = (dims: readonly number[]) => {
      const bytes = elements(dims) * Uint16Array.BYTES_PER_ELEMENT;
      const part = new Uint16Array(this.#memory.view(offset, bytes));
      offset += bytes;
      return part;
    };
    this.ranks = new Int32Array(places * LORA_TARGETS.length);
    const names = ['lora_ranks'];
    const tensors = [runtime.createTensor(this.ranks, [places, LORA_TARGETS.length])];
    const sites: { a: Uint16Array; b: Uint16Array }[] = [];
    for (let layer = 0; layer < layers; layer++) {
      for (const { site, a, b } of perSite) {
        const halves = { a: take(a), b: take(b) };
        sites.push(halves);
        names.push(`A.${site}.${layer}`, `B.${site}.${layer}`);
        tensors.push(runtime.createTensor(halves.a, a), runtime.createTensor(halves.b, b));
      }
    }
    this.places = places;
    this.sites = sites;
    this.names = names;
    this.tensors = tensors;
    this.#runtime = runtime;
  }

  /** Takes adapters over, out of another memory or out of this one, where they may only move to the beginning. */
  take(source: BankMemory, moves: readonly { readonly from: Places; readonly first: number }[]): void {
    const move = (to: Uint16Array | Int32Array, from: Uint16Array | Int32Array) => {
      const length = from.length / source.places;
      for (const { from: place, first } of moves) {
        to.set(from.subarray(place.first * length, (place.first + place.count) * length), first * length);
      }
    };
    move(this.ranks, source.ranks);
    for (const [i, { a, b }] of source.sites.entries()) {
      move(this.sites[i]!.a, a);
      move(this.sites[i]!.b, b);
    }
  }

  /** No tensor may be used afterwards. */
  release(): void {
    for (const tensor of this.tensors) this.#runtime.releaseTensor(tensor);
    this.#memory.release();
  }
}
