import type { DecoderShape } from '../../../contracts/model-manifest.js';
import { type AdapterTensors, piecesOf } from '../../../layouts/adapter-file.js';
import { LORA_SITES, LORA_TARGETS, targetSizes } from '../../../layouts/lora.js';
import type { Handle, OnnxRuntime } from '../onnxruntime.js';
import type { NativeKernels } from './native.js';

/** Where a target's matrices lie in the memory of its site, in elements. */
interface TargetPlace {
  readonly site: number;
  /** Elements of A and of B that a bank slot takes in the site. */
  readonly slotA: number;
  readonly slotB: number;
  readonly offsetA: number;
  readonly offsetB: number;
}

/**
 * The bank as the kernels read it (native/src/layout.h): for each layer and site A `[slots][targets][R][inputs]` and
 * B `[slots][R][outputs]`, with R the largest rank accepted. An adapter of a lower rank leaves the rest of its places
 * unread.
 */
export class KernelBank {
  readonly #shape: DecoderShape;
  readonly #maxRank: number;
  readonly #ranks: Int32Array;
  readonly #places: Readonly<Record<string, TargetPlace>>;
  /** A and B of every layer and site, in the order of the names. */
  readonly #memory: readonly { readonly a: Uint16Array; readonly b: Uint16Array }[];
  /** `lora_ranks`, then A and B of every layer and site. */
  readonly tensors: readonly Handle[];
  readonly names: readonly string[];

  constructor(runtime: OnnxRuntime, kernels: NativeKernels, shape: DecoderShape, slots: number, maxRank: number) {
    const sizes = targetSizes(shape);
    const places: Record<string, TargetPlace> = {};
    const sites = LORA_SITES.map(({ site, targets }, index) => {
      const { inputs } = sizes[targets[0]!];
      const outputs = targets.reduce((sum, target) => sum + sizes[target].outputs, 0);
      let before = 0;
      targets.forEach((target, t) => {
        places[target] = {
          site: index,
          slotA: targets.length * maxRank * inputs,
          slotB: maxRank * outputs,
          offsetA: t * maxRank * inputs,
          offsetB: before * maxRank,
        };
        before += sizes[target].outputs;
      });
      return { site, a: [slots, targets.length, maxRank, inputs], b: [slots, maxRank, outputs] };
    });
    const elements = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);
    const perLayer = sites.reduce((sum, { a, b }) => sum + elements(a) + elements(b), 0);
    const all = kernels.allocate(shape.layers * perLayer * Uint16Array.BYTES_PER_ELEMENT, 'dense');
    let offset = 0;
    const take = (dims: readonly number[]) => {
      const bytes = elements(dims) * Uint16Array.BYTES_PER_ELEMENT;
      const part = new Uint16Array(all.view(offset, bytes));
      offset += bytes;
      return part;
    };

    const names = ['lora_ranks'];
    const ranks = new Int32Array(slots * LORA_TARGETS.length);
    const tensors = [runtime.createTensor(ranks, [slots, LORA_TARGETS.length])];
    const memory: { a: Uint16Array; b: Uint16Array }[] = [];
    for (let layer = 0; layer < shape.layers; layer++) {
      for (const { site, a, b } of sites) {
        const halves = { a: take(a), b: take(b) };
        memory.push(halves);
        names.push(`A.${site}.${layer}`, `B.${site}.${layer}`);
        tensors.push(runtime.createTensor(halves.a, a), runtime.createTensor(halves.b, b));
      }
    }
    this.#shape = shape;
    this.#maxRank = maxRank;
    this.#ranks = ranks;
    this.#places = places;
    this.#memory = memory;
    this.names = names;
    this.tensors = tensors;
  }

  /** @throws Error when the rank is larger than what a slot holds */
  write(slot: number, adapter: AdapterTensors): void {
    const rank = Math.max(...Object.values(adapter.ranks));
    if (rank > this.#maxRank) {
      throw new Error(`its rank is ${rank}, at most ${this.#maxRank} is accepted (engine.maxAdapterRank)`);
    }
    LORA_TARGETS.forEach((target, column) => {
      this.#ranks[slot * LORA_TARGETS.length + column] = adapter.ranks[target];
    });
    for (const { layer, target, a, b } of piecesOf(adapter, this.#shape)) {
      const { site, slotA, slotB, offsetA, offsetB } = this.#places[target]!;
      const memory = this.#memory[layer * LORA_SITES.length + site]!;
      memory.a.set(a, slot * slotA + offsetA);
      memory.b.set(b, slot * slotB + offsetB);
    }
  }
}
