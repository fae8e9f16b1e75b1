import { readFileSync } from 'node:fs';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { LoraSite, ModelManifest } from '../../src/contracts/model-manifest.js';

/** A and B of every site and layer, each [1, R, …]; R may be 0. */
export type AdapterFeeds = Readonly<Record<string, { data: Float32Array; dims: readonly number[] }>>;

export interface StepRow {
  readonly slot: number;
  readonly past: number;
  readonly tokens: readonly number[];
  /** Whether the adapter applies to this row. */
  readonly adapted?: boolean;
}

/**
 * Runs an imported decoder graph straight through onnxruntime's binding, for the tests of the importer: slow (it copies
 * the KV buffers each step), and independent of the engine.
 */
export class DecoderRun {
  readonly manifest: ModelManifest;
  readonly #session: InferenceSession;
  readonly #positions: number;
  readonly #keys: Float32Array[];
  readonly #values: Float32Array[];

  static async load(folder: string, slots: number, positions: number): Promise<DecoderRun> {
    const manifest = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as ModelManifest;
    const session = await InferenceSession.create(path.join(folder, manifest.graph.file), {
      intraOpNumThreads: 2,
      executionMode: 'sequential',
      logSeverityLevel: 3,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
    return new DecoderRun(manifest, session, slots, positions);
  }

  private constructor(manifest: ModelManifest, session: InferenceSession, slots: number, positions: number) {
    const { layers, kvHeads, headDim } = manifest.shape;
    const buffers = () => Array.from({ length: layers }, () => new Float32Array(slots * kvHeads * positions * headDim));
    this.manifest = manifest;
    this.#session = session;
    this.#positions = positions;
    this.#keys = buffers();
    this.#values = buffers();
  }

  /** Logits of every token, row after row. Rows hold equally many tokens and neighbouring slots. */
  async step(rows: readonly StepRow[], adapter: AdapterFeeds | null = null): Promise<Float32Array> {
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
    this.#bindAdapter(rows, length, adapter, feeds);
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
        const tensor = new Tensor('float32', view, [batch, kvHeads, this.#positions, headDim]);
        feeds[`past_${half}.${layer}`] = tensor;
        fetches[`present_${half}.${layer}`] = tensor;
      }
    }
  }

  #bindAdapter(
    rows: readonly StepRow[],
    length: number,
    adapter: AdapterFeeds | null,
    feeds: Record<string, Tensor>,
  ): void {
    const adapted = rows.flatMap((row, b) => (row.adapted ? Array.from({ length }, (_, t) => b * length + t) : []));
    const groups = adapted.length > 0 ? 1 : 0;
    const back = Array.from({ length: rows.length * length }, (_, i) => adapted.indexOf(i));
    feeds.lora_shape = int64([groups, adapted.length]);
    feeds.lora_gidx = int64(adapted);
    feeds.lora_back = int64(back.map((place) => (place < 0 ? adapted.length : place)));
    for (const [site, columns, outputs] of siteShapes(this.manifest)) {
      for (let layer = 0; layer < this.manifest.shape.layers; layer++) {
        for (const [half, width] of [
          ['A', columns],
          ['B', outputs],
        ] as const) {
          const name = `${half}.${site}.${layer}`;
          const fed = groups === 0 ? undefined : adapter?.[name];
          feeds[name] = fed
            ? new Tensor('float32', fed.data, fed.dims)
            : new Tensor('float32', new Float32Array(0), [groups, 0, width]);
        }
      }
    }
  }
}

/** Columns in and rows out of each fused site. */
export function siteShapes({ shape }: ModelManifest): [site: LoraSite, columns: number, rows: number][] {
  const { hiddenSize, heads, kvHeads, headDim, mlpSize } = shape;
  return [
    ['qkv', hiddenSize, (heads + 2 * kvHeads) * headDim],
    ['o', heads * headDim, hiddenSize],
    ['gu', hiddenSize, 2 * mlpSize],
    ['down', mlpSize, hiddenSize],
  ];
}

function int64(values: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);
}
