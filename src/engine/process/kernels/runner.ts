import path from 'node:path';
import type { AdapterTensors } from '../../../layouts/adapter-file.js';
import { type Handle, type NameList, nameList, OnnxRuntime } from '../onnxruntime.js';
import type { ModelRunner, RunnerOptions, Segment } from '../runner.js';
import { TensorMemory } from '../tensors.js';
import { KernelBank } from './bank.js';
import { KernelKv } from './kv.js';
import type { NativeKernels } from './native.js';
import { KernelPassages } from './passages.js';
import { readRotary } from './rotary.js';

export interface KernelRunnerOptions extends RunnerOptions {
  readonly kernels: NativeKernels;
  /** Instruction set, one of `kernels.paths`. */
  readonly kernelPath: string;
}

/** The graph over our own operators: all segments in one run, each token with its slot, position and adapter. */
export class KernelRunner implements ModelRunner {
  readonly exact = true;
  readonly kvStore: KernelKv;
  readonly passageStore: KernelPassages | null;
  readonly #runtime = new OnnxRuntime();
  readonly #options: KernelRunnerOptions;
  #session: Handle | null = null;
  readonly #vocabSize: number;
  readonly #bank: KernelBank;
  readonly #ids: TensorMemory<BigInt64Array>;
  readonly #selected: TensorMemory<BigInt64Array>;
  readonly #slots: TensorMemory<Int32Array>;
  readonly #positions: TensorMemory<Int32Array>;
  readonly #loraSlots: TensorMemory<Int32Array>;
  readonly #logits: TensorMemory<Float32Array>;
  readonly #inputNames: NameList;
  readonly #outputNames: NameList;
  readonly #inputs: BigUint64Array;
  readonly #outputs = new BigUint64Array(1);

  constructor(options: KernelRunnerOptions) {
    const { kernels, slots, maxTokens, maxLogits } = options;
    const { shape } = options.manifest;
    this.#options = options;
    this.#vocabSize = shape.vocabSize;
    this.kvStore = new KernelKv(kernels, shape, slots, options.contextTokens, options.prefixCacheTokens);
    this.passageStore = this.#openPassages();
    this.#bank = new KernelBank(this.#runtime, kernels, shape, options.adapterSlots, options.maxAdapterRank);
    this.#ids = new TensorMemory(this.#runtime, new BigInt64Array(maxTokens));
    this.#selected = new TensorMemory(this.#runtime, new BigInt64Array(maxLogits));
    this.#slots = new TensorMemory(this.#runtime, new Int32Array(maxTokens));
    this.#positions = new TensorMemory(this.#runtime, new Int32Array(maxTokens));
    this.#loraSlots = new TensorMemory(this.#runtime, new Int32Array(maxTokens));
    this.#logits = new TensorMemory(this.#runtime, new Float32Array(maxLogits * shape.vocabSize));
    const perRun = ['input_ids', 'sel_idx', 'slots', 'positions', 'lora_slots'];
    this.#inputNames = nameList([...perRun, 'kv', ...this.#bank.names]);
    this.#outputNames = nameList(['logits']);
    const kv = this.#runtime.createTensorAt(this.kvStore.slots.address, Uint16Array, this.kvStore.dims);
    this.#inputs = BigUint64Array.from([...perRun.map(() => 0n), kv, ...this.#bank.tensors]);
  }

  useThreads(count: number): void {
    const { modelDir, manifest, spinUs, kernels, kernelPath } = this.#options;
    if (this.#session !== null) this.#runtime.releaseSession(this.#session);
    this.#session = this.#runtime.createSession(path.join(modelDir, manifest.graphs.kernels.file), {
      threads: count,
      spinUs,
      inputs: this.#inputNames.length,
      operators: { file: kernels.file, settings: { 'switchyard.kernel_path': kernelPath } },
    });
  }

  run(segments: readonly Segment[]): Float32Array[][] {
    let tokens = 0;
    let wanted = 0;
    for (const { slot, start, ids, adapterSlot, logits } of segments) {
      for (let i = 0; i < ids.length; i++, tokens++) {
        this.#ids.data[tokens] = BigInt(ids[i]!);
        this.#slots.data[tokens] = slot;
        this.#positions.data[tokens] = start + i;
        this.#loraSlots.data[tokens] = adapterSlot === null ? -1 : this.#bank.firstPlace(adapterSlot);
      }
      for (let i = logits; i > 0; i--) this.#selected.data[wanted++] = BigInt(tokens - i);
    }
    this.#inputs.set([
      this.#ids.tensor([tokens]),
      this.#selected.tensor([wanted]),
      this.#slots.tensor([tokens]),
      this.#positions.tensor([tokens]),
      this.#loraSlots.tensor([tokens]),
    ]);
    this.#outputs[0] = this.#logits.tensor([wanted, this.#vocabSize]);
    this.#runtime.run(this.#session!, this.#inputNames, this.#inputs, this.#outputNames, this.#outputs);
    let row = 0;
    const next = () => this.#logits.data.subarray(row * this.#vocabSize, ++row * this.#vocabSize);
    return segments.map(({ logits }) => Array.from({ length: logits }, next));
  }

  #openPassages(): KernelPassages | null {
    const { kernels, modelDir, manifest, slots, contextTokens, passageCacheBytes } = this.#options;
    const { shape, graphs, mixedRotation } = manifest;
    if (mixedRotation) return null;
    const rotary = readRotary(modelDir, graphs.kernels.file, shape.headDim / 2, contextTokens);
    if (rotary === null) return null;
    return new KernelPassages({
      kernels,
      kv: this.kvStore,
      shape,
      rotary,
      slots,
      contextTokens,
      bytes: passageCacheBytes,
    });
  }

  writeAdapter(slot: number, adapter: AdapterTensors): void {
    this.#bank.write(slot, adapter);
    this.#inputs.set(this.#bank.tensors, this.#inputs.length - this.#bank.tensors.length);
  }
}
