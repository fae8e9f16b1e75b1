import path from 'node:path';
import type { AdapterRef } from '../../contracts/adapter.js';
import type { ModelManifest } from '../../contracts/model-manifest.js';
import type { EngineSettings } from '../protocol.js';
import { readAdapter } from './adapter-file.js';
import { KvCache } from './kv-cache.js';
import { FEWEST_PLACES, groupByAdapter } from './lora-groups.js';
import { LoraMemory, loraInputNames } from './lora-weights.js';
import { type Handle, type NameList, nameList, OnnxRuntime } from './onnxruntime.js';
import { TensorMemory } from './tensors.js';

/** One run: `tokensPerRow` tokens for each of the slots `firstSlot … firstSlot + positions.length - 1`. */
export interface Batch {
  readonly firstSlot: number;
  /** Position of the first token of each row: as many tokens lie in its slot already. */
  readonly positions: readonly number[];
  readonly tokensPerRow: number;
  /** Token `t` of row `b` at `b * tokensPerRow + t`. */
  readonly ids: ArrayLike<number>;
  /** Bank slot of each row's adapter, null without. */
  readonly adapterSlots: readonly (number | null)[];
  /** Tokens whose logits are wanted, by flat index. */
  readonly logitsOf: readonly number[];
}

export interface ModelRunner {
  /** Logits of each token in `logitsOf`; valid until the next run. Blocks. @throws Error from onnxruntime */
  run(batch: Batch): Float32Array[];
  /** Reads an adapter and puts it into a slot of the bank. @throws Error when the file is not what it should be */
  loadAdapter(adapter: AdapterRef, slot: number): Promise<void>;
}

export interface RunnerOptions {
  readonly modelDir: string;
  readonly manifest: ModelManifest;
  readonly settings: EngineSettings;
  readonly threads: number;
}

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

/** The imported graph on onnxruntime's CPU provider. Its inputs are described in contracts/model-manifest.ts. */
export class OnnxRunner implements ModelRunner {
  readonly #runtime = new OnnxRuntime();
  readonly #session: Handle;
  readonly #manifest: ModelManifest;
  readonly #kv: KvCache;
  readonly #lora: LoraMemory;
  readonly #memory: Readonly<
    Record<'ids' | 'batch' | 'select' | 'gather' | 'groups' | 'back', TensorMemory<BigInt64Array>>
  >;
  readonly #lengths: TensorMemory<Int32Array>;
  readonly #total: TensorMemory<Int32Array>;
  readonly #logits: TensorMemory<Float32Array>;
  readonly #inputNames: NameList;
  readonly #outputNames: NameList;
  readonly #inputs: BigUint64Array;
  readonly #outputs: BigUint64Array;

  constructor({ modelDir, manifest, settings, threads }: RunnerOptions) {
    const { slots, contextTokens, prefillChunkTokens, adapterSlots, spinUs } = settings;
    const { layers, vocabSize } = manifest.shape;
    this.#manifest = manifest;
    this.#session = this.#runtime.createSession(path.join(modelDir, manifest.graph.file), { threads, spinUs });

    const caches = (prefix: string) =>
      Array.from({ length: layers }, (_, i) => [`${prefix}_k.${i}`, `${prefix}_v.${i}`]).flat();
    this.#inputNames = nameList([...SCALAR_INPUTS, ...loraInputNames(layers), ...caches('past')]);
    this.#outputNames = nameList(['logits', ...caches('present')]);
    this.#inputs = new BigUint64Array(this.#inputNames.length);
    this.#outputs = new BigUint64Array(this.#outputNames.length);
    const inputCount = this.#runtime.inputCount(this.#session);
    if (inputCount !== this.#inputNames.length) {
      throw new Error(
        `the graph has ${inputCount} inputs instead of ${this.#inputNames.length}; import the model again`,
      );
    }

    const int64 = (length: number) => new TensorMemory(this.#runtime, new BigInt64Array(length));
    const tokens = Math.max(slots, prefillChunkTokens);
    const places = adapterSlots * Math.max(tokens, FEWEST_PLACES);
    this.#memory = {
      ids: int64(tokens),
      batch: int64(3),
      select: int64(slots),
      gather: int64(places),
      groups: int64(2),
      back: int64(tokens),
    };
    this.#lengths = new TensorMemory(this.#runtime, new Int32Array(slots));
    this.#total = new TensorMemory(this.#runtime, new Int32Array(1));
    this.#logits = new TensorMemory(this.#runtime, new Float32Array(slots * vocabSize));
    this.#kv = new KvCache(this.#runtime, manifest.shape, slots, contextTokens);
    this.#lora = new LoraMemory(this.#runtime, manifest.shape, adapterSlots);
  }

  run(batch: Batch): Float32Array[] {
    const { firstSlot, positions, tokensPerRow, ids, adapterSlots, logitsOf } = batch;
    const rows = positions.length;
    const groups = groupByAdapter(adapterSlots, tokensPerRow);
    const { vocabSize } = this.#manifest.shape;
    const memory = this.#memory;

    const total = Math.max(...positions) + tokensPerRow;
    const caches = this.#kv.tensors(firstSlot, rows);
    this.#lengths.data.set(positions.map((position) => position + tokensPerRow - 1));
    this.#total.data[0] = total;
    const scalars = [
      fill(memory.ids, ids),
      fill(memory.batch, [rows, tokensPerRow, -1]),
      this.#lengths.tensor([rows]),
      this.#total.tensor([1]),
      fill(memory.select, logitsOf),
      fill(memory.gather, groups.gather),
      fill(memory.groups, [groups.slots, groups.places]),
      fill(memory.back, groups.back),
    ];
    this.#inputs.set(scalars);
    this.#inputs.set(this.#lora.tensors(groups.firstSlot, groups.slots), scalars.length);
    this.#inputs.set(caches, this.#inputs.length - caches.length);
    this.#outputs[0] = this.#logits.tensor([logitsOf.length, vocabSize]);
    this.#outputs.set(caches, 1);
    this.#runtime.run(this.#session, this.#inputNames, this.#inputs, this.#outputNames, this.#outputs);
    return logitsOf.map((_, i) => this.#logits.data.subarray(i * vocabSize, (i + 1) * vocabSize));
  }

  async loadAdapter(adapter: AdapterRef, slot: number): Promise<void> {
    this.#lora.write(slot, await readAdapter(adapter, this.#manifest));
  }
}

/** Writes the values and gives the tensor over them. */
function fill(memory: TensorMemory<BigInt64Array>, values: ArrayLike<number>): Handle {
  for (let i = 0; i < values.length; i++) memory.data[i] = BigInt(values[i]!);
  return memory.tensor([values.length]);
}
