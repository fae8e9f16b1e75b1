import type { DecoderShape, LoraSite } from '../../../contracts/model-manifest.js';
import { type AdapterTensors, piecesOf } from '../../../layouts/adapter-file.js';
import { HALF_TO_FLOAT } from '../../../layouts/half-float.js';
import { type LinearSize, LORA_SITES, panelIndex, targetSizes } from '../../../layouts/lora.js';
import type { Handle, OnnxRuntime } from '../onnxruntime.js';
import { TensorMemory } from '../tensors.js';

interface Matrix {
  readonly width: number;
  memory: TensorMemory<Float32Array>;
}

/**
 * The bank as the stock graph reads it: for each layer and site `A[slots][rank][inputs]` and `B[slots][rank][outputs]`,
 * where `rank` is the largest that any adapter brought so far, so that rank 8 never pays for the rank 64 that is allowed.
 * The targets of a site follow one another along the rank axis; what an adapter does not fill is zero.
 */
export class StockBank {
  readonly startsAnywhere = true;
  readonly #runtime: OnnxRuntime;
  readonly #shape: DecoderShape;
  readonly #slots: number;
  readonly #sizes: Readonly<Record<LoraSite, LinearSize>>;
  readonly #matrices: readonly Readonly<Record<LoraSite, { a: Matrix; b: Matrix }>>[];
  readonly #ranks: Record<LoraSite, number>;
  readonly #ranges = new Map<string, BigUint64Array>();
  /** Names of the graph's inputs, in the order of `tensors`. */
  readonly names: readonly string[];

  /** @param fewestRank smallest number of rows that a matrix may have */
  constructor(runtime: OnnxRuntime, shape: DecoderShape, slots: number, fewestRank = 0) {
    this.#ranks = { qkv: fewestRank, o: fewestRank, gu: fewestRank, down: fewestRank };
    this.#runtime = runtime;
    this.#shape = shape;
    this.#slots = slots;
    const targets = targetSizes(shape);
    this.#sizes = Object.fromEntries(
      LORA_SITES.map((site) => {
        const outputs = site.targets.reduce((sum, target) => sum + targets[target].outputs, 0);
        return [site.site, { inputs: targets[site.targets[0]!].inputs, outputs }];
      }),
    ) as Record<LoraSite, LinearSize>;
    const matrix = (width: number): Matrix => ({ width, memory: this.#allocate(slots * fewestRank * width) });
    const pair = (site: LoraSite) => ({ a: matrix(this.#sizes[site].inputs), b: matrix(this.#sizes[site].outputs) });
    this.#matrices = Array.from(
      { length: shape.layers },
      () =>
        Object.fromEntries(LORA_SITES.map(({ site }) => [site, pair(site)])) as Record<
          LoraSite,
          { a: Matrix; b: Matrix }
        >,
    );
    this.names = this.#matrices.flatMap((_, layer) =>
      LORA_SITES.flatMap(({ site }) => [`A.${site}.${layer}`, `B.${site}.${layer}`]),
    );
  }

  /** Fills a slot. Call between steps only: the graph reads this memory. */
  write(slot: number, adapter: AdapterTensors): void {
    const targets = targetSizes(this.#shape);
    const places = new Map<string, { site: LoraSite; firstRank: number; firstOutput: number }>();
    for (const { site, targets: names } of LORA_SITES) {
      let firstRank = 0;
      let firstOutput = 0;
      for (const target of names) {
        places.set(target, { site, firstRank, firstOutput });
        firstRank += adapter.ranks[target];
        firstOutput += targets[target].outputs;
      }
      this.#grow(site, firstRank);
      for (const layer of this.#matrices) {
        for (const { width, memory } of [layer[site].a, layer[site].b]) {
          const length = this.#ranks[site] * width;
          memory.data.fill(0, slot * length, (slot + 1) * length);
        }
      }
    }
    for (const { layer, target, rank, a, b } of piecesOf(adapter, this.#shape)) {
      const { site, firstRank, firstOutput } = places.get(target)!;
      const matrices = this.#matrices[layer]![site];
      const row = slot * this.#ranks[site] + firstRank;
      unpack(a, rank, matrices.a, row, 0);
      unpack(b, rank, matrices.b, row, firstOutput);
    }
  }

  /** Rows and columns of a slot's matrices, in the order of `names`. */
  shapes(): readonly (readonly [rank: number, width: number])[] {
    return this.#matrices.flatMap((layer) =>
      LORA_SITES.flatMap(({ site }) =>
        [layer[site].a, layer[site].b].map(({ width }) => [this.#ranks[site], width] as const),
      ),
    );
  }

  /** Tensors over the slots `first … first + count - 1`. */
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
          LORA_SITES.flatMap(({ site }) => [tensor(site, layer[site].a), tensor(site, layer[site].b)]),
        ),
      );
      this.#ranges.set(key, range);
    }
    return range;
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

/** Writes panels as rows of a matrix, from a row and a column on. */
function unpack(
  panels: Uint16Array,
  rank: number,
  { width, memory }: Matrix,
  firstRow: number,
  firstColumn: number,
): void {
  const columns = panels.length / rank;
  for (let row = 0; row < rank; row++) {
    const start = (firstRow + row) * width + firstColumn;
    for (let column = 0; column < columns; column++) {
      memory.data[start + column] = HALF_TO_FLOAT[panels[panelIndex(row, column, rank)]!]!;
    }
  }
}
