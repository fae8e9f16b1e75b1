import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { AdapterFileHeader } from '../../contracts/adapter.js';
import type { LoraSite } from '../../contracts/model-manifest.js';
import { readFloats } from '../tensors/read-floats.js';
import type { PeftWeights } from './peft-weights.js';
import { LORA_SITES } from './sites.js';

const MAGIC = 'SWADAPT1';
const HEADER_START = 12;
const PAYLOAD_ALIGNMENT = 64;

export interface CompiledForm {
  readonly header: AdapterFileHeader;
  /** The file, in its parts. */
  readonly parts: readonly Uint8Array[];
}

/**
 * Lays an adapter's weights out as `contracts/adapter.ts` describes. The digest covers all that the file means, so equal
 * adapters have equal digests whatever their dtype or layout was.
 */
export async function compileWeights(weights: PeftWeights, layers: number, baseDigest: string): Promise<CompiledForm> {
  const ranks = siteRanks(weights);
  const floats = await fillPayload(weights, layers, ranks);
  const payload = new Uint8Array(floats.buffer);
  const content = {
    format: 'switchyard-adapter-1',
    baseDigest,
    layers,
    ranks,
    payloadBytes: payload.length,
    payloadSha256: createHash('sha256').update(payload).digest('hex'),
  } as const;
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  const header: AdapterFileHeader = { ...content, digest };
  return { header, parts: [encodeHeader(header), payload] };
}

function siteRanks({ sites, modules }: PeftWeights): Record<LoraSite, number> {
  const ranks = Object.fromEntries(LORA_SITES.map((site) => [site, 0])) as Record<LoraSite, number>;
  for (const { site, targets } of sites) {
    for (const { target } of targets) ranks[site] += targetRank(modules.get(target) ?? []);
  }
  return ranks;
}

/** Rows that a target takes in every layer: its largest rank; a layer with less leaves the rest zero. */
function targetRank(modules: readonly { readonly rank: number }[]): number {
  return modules.reduce((largest, { rank }) => Math.max(largest, rank), 0);
}

async function fillPayload(
  { sites, modules }: PeftWeights,
  layers: number,
  ranks: Readonly<Record<LoraSite, number>>,
): Promise<Float32Array> {
  const perLayer = sites.reduce((sum, { site, inputs, outputs }) => sum + ranks[site] * (inputs + outputs), 0);
  const payload = new Float32Array(layers * perLayer);
  let offset = 0;
  for (let layer = 0; layer < layers; layer++) {
    for (const { site, inputs, outputs, targets } of sites) {
      const siteA = payload.subarray(offset, (offset += ranks[site] * inputs));
      const siteB = payload.subarray(offset, (offset += ranks[site] * outputs));
      let firstRank = 0;
      for (const place of targets) {
        const adapted = modules.get(place.target);
        if (!adapted) continue;
        const { a, b, rank, scale } = adapted[layer]!;
        siteA.set(readFloats(a, [rank, inputs]), firstRank * inputs);
        // B is stored [outputs, rank]; the graph multiplies with [rank, outputs].
        const values = readFloats(b, [place.outputs, rank]);
        for (let r = 0; r < rank; r++) {
          const row = (firstRank + r) * outputs + place.firstOutput;
          for (let n = 0; n < place.outputs; n++) siteB[row + n] = values[n * rank + r]! * scale;
        }
        firstRank += targetRank(adapted);
      }
    }
    // Adapters are added while the process serves: a layer takes about a millisecond, thirty would be felt.
    await setImmediate();
  }
  return payload;
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
