import { readFileSync } from 'node:fs';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelManifest } from '../../src/contracts/model-manifest.js';
import { LORA_SITES, targetSizes } from '../../src/layouts/lora.js';

export interface StepRow {
  readonly slot: number;
  readonly past: number;
  readonly tokens: readonly number[];
}

/**
 * Runs an imported decoder graph straight through onnxruntime's binding, for the tests of the importer: slow (it copies
 * the KV buffers each step), and independent of the engine.
 */
export class DecoderRun {
  readonly manifest: ModelManifest;
  readonly #session: InferenceSession;
  readonly #positions: number;
  readonly #keys: (Float32Array | Uint16Array)[];
  readonly #values: (Float32Array | Uint16Array)[];

  static async load(
    folder: string,
    slots: number,
    positions: number,
    graph: 'stock' | 'half' = 'stock',
  ): Promise<DecoderRun> {
    const manifest = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as ModelManifest;
    const session = await InferenceSession.create(path.join(folder, manifest.graphs[graph].file), {
      intraOpNumThreads: 2,
      executionMode: 'sequential',
      logSeverityLevel: 3,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
    const element = graph === 'half' ? Uint16Array : Float32Array;
    return new DecoderRun(manifest, session, slots, positions, element);
  }

  private constructor(
    manifest: ModelManifest,
    session: InferenceSession,
    slots: number,
    positions: number,
    element: typeof Float32Array | typeof Uint16Array,
  ) {
    const { layers, kvHeads, headDim } = manifest.shape;
    const buffers = () => Array.from({ length: layers }, () => new element(slots * kvHeads * positions * headDim));
    this.manifest = manifest;
    this.#session = session;
    this.#positions = positions;
    this.#keys = buffers();
    this.#values = buffers();
  }

  /** Logits of every token, row after row. Rows hold equally many tokens and neighbouring slots. */
  async step(rows: readonly StepRow[]): Promise<Float32Array> {
    const batch = rows.length;
    const length = rows[0]!.tokens.length;
    const count = batch * length;
    const ids = rows.flatMap((row) => row.tokens);
    const feeds: Record<string, Tensor> = {
      input_ids: int64(ids),
      bt_shape: int64([batch, length, -1]),
      seqlens_k: new Tensor(
        'int32',
        Int32Array.from(rows, (row) => row.past + length - 1),
        [batch],
      ),
      total_seq: new Tensor('int32', Int32Array.of(Math.max(...rows.map((row) => row.past)) + length), [1]),
      sel_idx: int64(Array.from({ length: count }, (_, i) => i)),
    };
    const fetches: Record<string, Tensor | null> = {};
    this.#bindKv(rows[0]!.slot, batch, feeds, fetches);
    this.#bindNoAdapter(count, feeds);
    const { vocabSize } = this.manifest.shape;
    const logits = new Tensor('float32', new Float32Array(count * vocabSize), [count, vocabSize]);
    fetches.logits = logits;
    await this.#session.run(feeds, fetches as InferenceSession.OnnxValueMapType);
    return logits.data as Float32Array;
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  #bindKv(slot: number, batch: number, feeds: Record<string, Tensor>, fetches: Record<string, Tensor | null>): void {
    const { layers, kvHeads, headDim } = this.manifest.shape;
    const row = kvHeads * this.#positions * headDim;
    for (let layer = 0; layer < layers; layer++) {
      for (const [half, buffers] of [
        ['k', this.#keys],
        ['v', this.#values],
      ] as const) {
        const view = buffers[layer]!.subarray(slot * row, (slot + batch) * row);
        const type = view instanceof Uint16Array ? 'float16' : 'float32';
        const tensor = new Tensor(type, view, [batch, kvHeads, this.#positions, headDim]);
        feeds[`past_${half}.${layer}`] = tensor;
        fetches[`present_${half}.${layer}`] = tensor;
      }
    }
  }

  #bindNoAdapter(tokens: number, feeds: Record<string, Tensor>): void {
    const sizes = targetSizes(this.manifest.shape);
    feeds.lora_shape = int64([0, 0]);
    feeds.lora_gidx = int64([]);
    feeds.lora_back = int64(new Array(tokens).fill(0));
    for (let layer = 0; layer < this.manifest.shape.layers; layer++) {
      for (const { site, targets } of LORA_SITES) {
        const outputs = targets.reduce((sum, target) => sum + sizes[target].outputs, 0);
        feeds[`A.${site}.${layer}`] = new Tensor('float32', new Float32Array(0), [0, 0, sizes[targets[0]!].inputs]);
        feeds[`B.${site}.${layer}`] = new Tensor('float32', new Float32Array(0), [0, 0, outputs]);
      }
    }
  }
}

function int64(values: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);
}
