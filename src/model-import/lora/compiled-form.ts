import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { AdapterFileHeader } from '../../contracts/adapter.js';
import type { DecoderShape, LoraTarget, ModelManifest } from '../../contracts/model-manifest.js';
import { toHalf } from '../../layouts/half-float.js';
import { LORA_TARGETS, panelIndex, targetSizes } from '../../layouts/lora.js';
import { readFloats } from '../tensors/read-floats.js';
import type { TensorEntry } from '../tensors/tensor.js';
import type { AdaptedModule } from './peft-weights.js';

const MAGIC = 'SWADAPT2';
const HEADER_START = 12;
const PAYLOAD_ALIGNMENT = 64;
const LARGEST_HALF = 65_504;

type Modules = ReadonlyMap<LoraTarget, readonly AdaptedModule[]>;

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
    format: 'switchyard-adapter-2',
    baseDigest,
    layers: shape.layers,
    ranks,
    payloadBytes: payload.length,
    payloadSha256: createHash('sha256').update(payload).digest('hex'),
  } as const;
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  const header: AdapterFileHeader = { ...content, digest };
  return { header, parts: [encodeHeader(header), payload] };
}

/** Rows that a target takes in every layer: its largest rank; a layer with less leaves the rest zero. */
function targetRanks(modules: Modules): Record<LoraTarget, number> {
  const rankOf = (target: LoraTarget) => Math.max(0, ...(modules.get(target) ?? []).map(({ rank }) => rank));
  return Object.fromEntries(LORA_TARGETS.map((target) => [target, rankOf(target)])) as Record<LoraTarget, number>;
}

async function fillPayload(
  modules: Modules,
  shape: DecoderShape,
  ranks: Readonly<Record<LoraTarget, number>>,
): Promise<Uint16Array> {
  const sizes = targetSizes(shape);
  const perLayer = LORA_TARGETS.reduce(
    (sum, target) => sum + ranks[target] * (sizes[target].inputs + sizes[target].outputs),
    0,
  );
  const payload = new Uint16Array(shape.layers * perLayer);
  let offset = 0;
  const take = (length: number) => payload.subarray(offset, (offset += length));
  for (let layer = 0; layer < shape.layers; layer++) {
    for (const target of LORA_TARGETS) {
      const adapted = modules.get(target)?.[layer];
      if (!adapted) continue;
      const { a, b, rank, scale } = adapted;
      const { inputs, outputs } = sizes[target];
      const panelsOfA = take(ranks[target] * inputs);
      const panelsOfB = take(ranks[target] * outputs);
      fillPanels(panelsOfA, ranks[target], rank, inputs, a, readFloats(a, [rank, inputs]), [inputs, 1], 1);
      // B is stored [outputs, rank], the panels hold its transpose.
      fillPanels(panelsOfB, ranks[target], rank, outputs, b, readFloats(b, [outputs, rank]), [1, rank], scale);
    }
    // Adapters are added while the process serves: a layer takes about a millisecond, thirty would be felt.
    await setImmediate();
  }
  return payload;
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

function encodeHeader(header: AdapterFileHeader): Uint8Array {
  const json = Buffer.from(JSON.stringify(header));
  const payloadStart = Math.ceil((HEADER_START + json.length) / PAYLOAD_ALIGNMENT) * PAYLOAD_ALIGNMENT;
  const bytes = Buffer.alloc(payloadStart, ' ');
  bytes.write(MAGIC, 'latin1');
  bytes.writeUInt32LE(payloadStart - HEADER_START, MAGIC.length);
  json.copy(bytes, HEADER_START);
  return bytes;
}
