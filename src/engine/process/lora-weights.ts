import type { DecoderShape, LoraSite } from '../../contracts/model-manifest.js';
import type { Handle, OnnxRuntime } from './onnxruntime.js';
import { TensorMemory } from './tensors.js';

export const LORA_SITES: readonly LoraSite[] = ['qkv', 'o', 'gu', 'down'];

/** Low-rank update of one linear: `A[rank][inputs]`, `B[rank][outputs]`, the scale folded into B. */
interface LowRank {
  readonly rank: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
}

/** One adapter's matrices, by layer. */
export type AdapterWeights = readonly Readonly<Record<LoraSite, LowRank>>[];

/** Inputs and outputs of a site's linear, in elements. */
export function siteSizes(shape: DecoderShape): Readonly<Record<LoraSite, { inputs: number; outputs: number }>> {
  const attention = shape.heads * shape.headDim;
  return {
    qkv: { inputs: shape.hiddenSize, outputs: attention + 2 * shape.kvHeads * shape.headDim },
    o: { inputs: attention, outputs: shape.hiddenSize },
    gu: { inputs: shape.hiddenSize, outputs: 2 * shape.mlpSize },
    down: { inputs: shape.mlpSize, outputs: shape.hiddenSize },
  };
}

/** Names of the graph's LoRA inputs, in the order of `LoraMemory.tensors`. */
export function loraInputNames(layers: number): string[] {
  return Array.from({ length: layers }, (_, layer) =>
    LORA_SITES.flatMap((site) => [`A.${site}.${layer}`, `B.${site}.${layer}`]),
  ).flat();
}

interface Matrix {
  readonly width: number;
  memory: TensorMemory<Float32Array>;
}

/**
 * The bank's matrices: for each layer and site `A[slots][rank][inputs]` and `B[slots][rank][outputs]`, where `rank` is
 * the largest that any adapter brought so far, so that rank 8 never pays for the rank 64 that is allowed. Rows that
 * an adapter does not fill are zero.
 */
export class LoraMemory {
  readonly #runtime: OnnxRuntime;
  readonly #slots: number;
  readonly #matrices: readonly Readonly<Record<LoraSite, { a: Matrix; b: Matrix }>>[];
  readonly #ranks: Record<LoraSite, number> = { qkv: 0, o: 0, gu: 0, down: 0 };
  readonly #ranges = new Map<string, BigUint64Array>();

  constructor(runtime: OnnxRuntime, shape: DecoderShape, slots: number) {
    this.#runtime = runtime;
    this.#slots = slots;
    const sizes = siteSizes(shape);
    const matrix = (width: number): Matrix => ({ width, memory: this.#allocate(0) });
    const site = (name: LoraSite) => ({ a: matrix(sizes[name].inputs), b: matrix(sizes[name].outputs) });
    this.#matrices = Array.from({ length: shape.layers }, () => ({
      qkv: site('qkv'),
      o: site('o'),
      gu: site('gu'),
      down: site('down'),
    }));
  }

  /** Fills a slot. Call between steps only: the graph reads this memory. */
  write(slot: number, adapter: AdapterWeights): void {
    for (const site of LORA_SITES) {
      this.#grow(site, Math.max(...adapter.map((layer) => layer[site].rank)));
      adapter.forEach((layer, i) => {
        this.#fill(this.#matrices[i]![site].a, this.#ranks[site], slot, layer[site].a);
        this.#fill(this.#matrices[i]![site].b, this.#ranks[site], slot, layer[site].b);
      });
    }
  }

  /** Tensors over the slots `first … first + count - 1`, in the order of `loraInputNames`. */
  tensors(first: number, count: number): BigUint64Array {
    const key = `${first}:${count}`;
    let range = this.#ranges.get(key);
    if (!range) {
      const tensor = (site: LoraSite, { width, memory }: Matrix): Handle => {
        const rank = this.#ranks[site];
        return memory.tensor([count, rank, width], first * rank * width);
      };
      range = BigUint64Array.from(
        this.#matrices.flatMap((layer) =>
          LORA_SITES.flatMap((site) => [tensor(site, layer[site].a), tensor(site, layer[site].b)]),
        ),
      );
      this.#ranges.set(key, range);
    }
    return range;
  }

  #fill({ width, memory }: Matrix, rank: number, slot: number, rows: Float32Array): void {
    const start = slot * rank * width;
    memory.data.set(rows, start);
    memory.data.fill(0, start + rows.length, start + rank * width);
  }

  #grow(site: LoraSite, rank: number): void {
    const before = this.#ranks[site];
    if (rank <= before) return;
    this.#ranks[site] = rank;
    this.#ranges.clear();
    for (const layer of this.#matrices) {
      for (const matrix of [layer[site].a, layer[site].b]) {
        const { width, memory } = matrix;
        const wider = this.#allocate(this.#slots * rank * width);
        for (let slot = 0; slot < this.#slots; slot++) {
          const rows = memory.data.subarray(slot * before * width, (slot + 1) * before * width);
          wider.data.set(rows, slot * rank * width);
        }
        memory.release();
        matrix.memory = wider;
      }
    }
  }

  /** At least one element, so that tensors without elements have an address too. */
  #allocate(length: number): TensorMemory<Float32Array> {
    return new TensorMemory(this.#runtime, new Float32Array(Math.max(1, length)));
  }
}
