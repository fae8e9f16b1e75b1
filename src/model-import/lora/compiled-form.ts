import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { AdapterFileHeader } from '../../contracts/adapter.js';
import type { DecoderShape, LoraTarget, ModelManifest } from '../../contracts/model-manifest.js';
import { ADAPTER_FORMAT, contentDigest, encodeHeader, payloadLength, piecesOf } from '../../layouts/adapter-file.js';
import { toHalf } from '../../layouts/half-float.js';
import { LORA_TARGETS, panelIndex, targetSizes } from '../../layouts/lora.js';
import { readFloats } from '../tensors/read-floats.js';
import type { TensorEntry } from '../tensors/tensor.js';
import type { AdaptedModule } from './peft-weights.js';

const LARGEST_HALF = 65_504;

type Modules = ReadonlyMap<LoraTarget, readonly (AdaptedModule | undefined)[]>;

export interface CompiledForm {
  readonly header: AdapterFileHeader;
  /** The file, in its parts. */
  readonly parts: readonly Uint8Array[];
}

/**
 * Lays an adapter's weights out as `contracts/adapter.ts` describes. The digest covers all that the file means, so equal
 * adapters have equal digests whatever their dtype or layout was.
 * @throws AppError `model_invalid` for a value that half floats cannot hold
 */
export async function compileWeights(
  modules: Modules,
  { shape, baseDigest }: Pick<ModelManifest, 'shape' | 'baseDigest'>,
): Promise<CompiledForm> {
  const ranks = targetRanks(modules);
  const halves = await fillPayload(modules, shape, ranks);
  const payload = new Uint8Array(halves.buffer);
  const content = {
    format: ADAPTER_FORMAT,
    baseDigest,
    layers: shape.layers,
    ranks,
    payloadBytes: payload.length,
    payloadSha256: createHash('sha256').update(payload).digest('hex'),
  } as const;
  const header: AdapterFileHeader = { ...content, digest: contentDigest(content) };
  return { header, parts: [encodeHeader(header), payload] };
}

/** Rows that a target takes in every layer: its largest rank; a layer with less, or that is not adapted, leaves the rest zero. */
function targetRanks(modules: Modules): Record<LoraTarget, number> {
  const rankOf = (target: LoraTarget) => Math.max(0, ...(modules.get(target) ?? []).map((module) => module?.rank ?? 0));
  return Object.fromEntries(LORA_TARGETS.map((target) => [target, rankOf(target)])) as Record<LoraTarget, number>;
}

async function fillPayload(
  modules: Modules,
  shape: DecoderShape,
  ranks: Readonly<Record<LoraTarget, number>>,
): Promise<Uint16Array> {
  const sizes = targetSizes(shape);
  const halves = new Uint16Array(payloadLength(ranks, shape));
  for (const { layer, target, rank: capacity, ...panels } of piecesOf({ ranks, halves }, shape)) {
    const module = modules.get(target)![layer];
    if (!module) continue;
    const { a, b, rank, scale } = module;
    const { inputs, outputs } = sizes[target];
    fillPanels(panels.a, capacity, rank, inputs, a, readFloats(a, [rank, inputs]), [inputs, 1], 1);
    // B is stored [outputs, rank], the panels hold its transpose.
    fillPanels(panels.b, capacity, rank, outputs, b, readFloats(b, [outputs, rank]), [1, rank], scale);
    // A layer takes about a millisecond; who compiles in a process that serves must not hold it up for all of them.
    await setImmediate();
  }
  return halves;
}

/** Panels `[columns / 16][capacity][16]` of the matrix whose element (row, column) is at `row * strides[0] + column * strides[1]`. */
function fillPanels(
  target: Uint16Array,
  capacity: number,
  rows: number,
  columns: number,
  { file, name }: TensorEntry,
  values: Float32Array,
  [rowStride, columnStride]: readonly [number, number],
  scale: number,
): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = values[row * rowStride + column * columnStride]! * scale;
      if (Math.abs(value) > LARGEST_HALF) throw file.invalid(`${name} holds ${value}, which half floats cannot`);
      target[panelIndex(row, column, capacity)] = toHalf(value);
    }
  }
}
