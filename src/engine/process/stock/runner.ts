import path from 'node:path';
import type { AdapterTensors } from '../../../layouts/adapter-file.js';
import { DeviceBank } from '../device/bank.js';
import { DeviceKv } from '../device/kv.js';
import { type Device, STOCK_GRAPHS } from '../device/start.js';
import { type Handle, type NameList, nameList, OnnxRuntime } from '../onnxruntime.js';
import type { ModelRunner, RunnerOptions, Segment } from '../runner.js';
import { TensorMemory } from '../tensors.js';
import { StockBank } from './bank.js';
import { StockKv } from './kv.js';
import { FEWEST_PLACES, groupByAdapter } from './lora-groups.js';

const SCALAR_INPUTS = [
  'input_ids',
  'bt_shape',
  'seqlens_k',
  'total_seq',
  'sel_idx',
  'lora_gidx',
  'lora_shape',
  'lora_back',
] as const;
/** What a filler row reads; its result is dropped. */
const FILLER_TOKEN = 0;

export interface StockRunnerOptions extends RunnerOptions {
  /** The CPU where nothing is said. */
  readonly device?: Device;
}

/** What one run of the stock graph can take: equally many tokens for each of some neighbouring slots. */
interface Batch {
  readonly firstSlot: number;
  /** Position of the first token of each row. */
  readonly positions: readonly number[];
  readonly tokensPerRow: number;
  readonly ids: ArrayLike<number>;
  readonly adapterSlots: readonly (number | null)[];
  /** Tokens whose logits are wanted, by flat index. */
  readonly logitsOf: readonly number[];
}

/**
 * The graph over onnxruntime's operators. They take neighbouring slots with one token each, or one slot with several; so
 * single tokens run together, with fillers for the slots between, and every longer segment runs by itself.
 */
export class StockRunner implements ModelRunner {
  readonly exact = false;
  readonly kvStore = null;
  readonly passageStore = null;
  readonly #runtime = new OnnxRuntime();
  readonly #options: StockRunnerOptions;
  #session: Handle | null = null;
  readonly #vocabSize: number;
  readonly #kv: StockKv | DeviceKv;
  readonly #bank: StockBank | DeviceBank;
  /** Tokens in each slot. A filler writes behind them, where the slot's next token overwrites what it wrote. */
  readonly #lengths: number[];
  readonly #memory: Readonly<
    Record<'ids' | 'batch' | 'select' | 'gather' | 'groups' | 'back', TensorMemory<BigInt64Array>>
  >;
  readonly #pasts: TensorMemory<Int32Array>;
  readonly #total: TensorMemory<Int32Array>;
  readonly #logits: TensorMemory<Float32Array>;
  readonly #inputNames: NameList;
  readonly #outputNames: NameList;
  readonly #inputs: BigUint64Array;
  readonly #outputs: BigUint64Array;

  constructor(options: StockRunnerOptions) {
    const { device = 'cpu', slots, contextTokens, adapterSlots, maxTokens } = options;
    const { shape } = options.manifest;
    this.#options = options;
    this.#vocabSize = shape.vocabSize;
    if (device === 'cpu') {
      this.#kv = new StockKv(this.#runtime, shape, slots, contextTokens);
      this.#bank = new StockBank(this.#runtime, shape, adapterSlots);
    } else {
      const element = STOCK_GRAPHS[device] === 'half' ? Uint16Array : Float32Array;
      this.#kv = new DeviceKv(this.#runtime, device, element, shape, slots, contextTokens);
      this.#bank = new DeviceBank(this.#runtime, device, shape, adapterSlots);
    }
    this.#lengths = new Array<number>(slots).fill(0);

    const caches = (prefix: string) =>
      Array.from({ length: shape.layers }, (_, i) => [`${prefix}_k.${i}`, `${prefix}_v.${i}`]).flat();
    this.#inputNames = nameList([...SCALAR_INPUTS, ...this.#bank.names, ...caches('past')]);
    this.#outputNames = nameList(['logits', ...caches('present')]);
    this.#inputs = new BigUint64Array(this.#inputNames.length);
    this.#outputs = new BigUint64Array(this.#outputNames.length);

    const int64 = (length: number) => new TensorMemory(this.#runtime, new BigInt64Array(length));
    this.#memory = {
      ids: int64(maxTokens),
      batch: int64(3),
      select: int64(slots),
      gather: int64(adapterSlots * Math.max(maxTokens, FEWEST_PLACES)),
      groups: int64(2),
      back: int64(maxTokens),
    };
    this.#pasts = new TensorMemory(this.#runtime, new Int32Array(slots));
    this.#total = new TensorMemory(this.#runtime, new Int32Array(1));
    this.#logits = new TensorMemory(this.#runtime, new Float32Array(slots * shape.vocabSize));
  }

  useThreads(count: number): void {
    const { modelDir, manifest, spinUs, device = 'cpu' } = this.#options;
    if (this.#session !== null) this.#runtime.releaseSession(this.#session);
    const file = path.join(modelDir, manifest.graphs[STOCK_GRAPHS[device]].file);
    this.#session = this.#runtime.createSession(file, {
      threads: count,
      spinUs,
      device,
      inputs: this.#inputNames.length,
    });
  }

  run(segments: readonly Segment[]): Float32Array[][] {
    const results = new Map<Segment, Float32Array[]>();
    const single = segments.filter(({ ids }) => ids.length === 1);
    let wanted = 0;
    const runBatch = (batch: Batch): Float32Array[] => {
      const logits = this.#runBatch(batch, wanted);
      wanted += batch.logitsOf.length;
      return logits;
    };
    for (const segment of segments) {
      const { slot, start, ids, adapterSlot, logits } = segment;
      this.#lengths[slot] = start;
      if (ids.length === 1) continue;
      const logitsOf = Array.from({ length: logits }, (_, i) => ids.length - logits + i);
      const adapterSlots = [adapterSlot];
      const batch = { firstSlot: slot, positions: [start], tokensPerRow: ids.length, ids, adapterSlots, logitsOf };
      results.set(segment, runBatch(batch));
      this.#lengths[slot] = start + ids.length;
    }
    if (single.length > 0) {
      const logits = runBatch(this.#together(single));
      for (const segment of single) {
        this.#lengths[segment.slot]!++;
        results.set(segment, segment.logits > 0 ? [logits.shift()!] : []);
      }
    }
    return segments.map((segment) => results.get(segment)!);
  }

  writeAdapter(slot: number, adapter: AdapterTensors): void {
    this.#bank.write(slot, adapter);
  }

  /** One row for every slot from the first to the last that has a token. */
  #together(segments: readonly Segment[]): Batch {
    const firstSlot = this.#kv.startsAnywhere ? Math.min(...segments.map(({ slot }) => slot)) : 0;
    const lastSlot = Math.max(...segments.map(({ slot }) => slot));
    const rows = Array.from({ length: lastSlot - firstSlot + 1 }, (_, i) =>
      segments.find(({ slot }) => slot === firstSlot + i),
    );
    return {
      firstSlot,
      positions: rows.map((_, i) => this.#lengths[firstSlot + i]!),
      tokensPerRow: 1,
      ids: rows.map((segment) => segment?.ids[0] ?? FILLER_TOKEN),
      adapterSlots: rows.map((segment) => segment?.adapterSlot ?? null),
      logitsOf: segments.filter(({ logits }) => logits > 0).map(({ slot }) => slot - firstSlot),
    };
  }

  /** Logits are written behind the first `before` rows. */
  #runBatch(
    { firstSlot, positions, tokensPerRow, ids, adapterSlots, logitsOf }: Batch,
    before: number,
  ): Float32Array[] {
    const memory = this.#memory;
    const groups = groupByAdapter(adapterSlots, tokensPerRow, this.#bank.startsAnywhere);
    const caches = this.#kv.tensors(firstSlot, positions.length);
    this.#pasts.data.set(positions.map((position) => position + tokensPerRow - 1));
    this.#total.data[0] = Math.max(...positions) + tokensPerRow;
    const scalars = [
      fill(memory.ids, ids),
      fill(memory.batch, [positions.length, tokensPerRow, -1]),
      this.#pasts.tensor([positions.length]),
      this.#total.tensor([1]),
      fill(memory.select, logitsOf),
      fill(memory.gather, groups.gather),
      fill(memory.groups, [groups.slots, groups.places]),
      fill(memory.back, groups.back),
    ];
    this.#inputs.set(scalars);
    this.#inputs.set(this.#bank.tensors(groups.firstSlot, groups.slots), scalars.length);
    this.#inputs.set(caches, this.#inputs.length - caches.length);
    this.#outputs[0] = this.#logits.tensor([logitsOf.length, this.#vocabSize], before * this.#vocabSize);
    this.#outputs.set(caches, 1);
    this.#runtime.run(this.#session!, this.#inputNames, this.#inputs, this.#outputNames, this.#outputs);
    if (!this.#kv.startsAnywhere) this.#kv.written(firstSlot);
    return logitsOf.map((_, i) => {
      const row = before + i;
      return this.#logits.data.subarray(row * this.#vocabSize, (row + 1) * this.#vocabSize);
    });
  }
}

/** Writes the values and gives the tensor over them. */
function fill(memory: TensorMemory<BigInt64Array>, values: ArrayLike<number>): Handle {
  for (let i = 0; i < values.length; i++) memory.data[i] = BigInt(values[i]!);
  return memory.tensor([values.length]);
}
