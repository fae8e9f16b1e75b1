/** Compiled adapters as `contracts/adapter.ts` describes them: who writes and who reads them have this file in common. */
import { createHash } from 'node:crypto';
import type { AdapterFileHeader } from '../contracts/adapter.js';
import type { DecoderShape, LoraTarget } from '../contracts/model-manifest.js';
import { LORA_TARGETS, targetSizes } from './lora.js';

export const ADAPTER_FORMAT = 'switchyard-adapter-2';
const MAGIC = 'SWADAPT2';
const HEADER_START = 12;
const PAYLOAD_ALIGNMENT = 64;

/** All that an adapter means: its digest is that of this. */
export type AdapterContent = Omit<AdapterFileHeader, 'digest'>;

/** What its payload holds. */
export interface AdapterTensors {
  readonly ranks: Readonly<Record<LoraTarget, number>>;
  /** All panels, as half floats. */
  readonly halves: Uint16Array;
}

/** The panels of one adapted target of one layer. */
export interface AdapterPiece {
  readonly layer: number;
  readonly target: LoraTarget;
  readonly rank: number;
  readonly a: Uint16Array;
  readonly b: Uint16Array;
}

export function contentDigest(content: AdapterContent): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

/** What stands before the payload. */
export function encodeHeader(header: AdapterFileHeader): Uint8Array {
  const json = Buffer.from(JSON.stringify(header));
  const payloadStart = Math.ceil((HEADER_START + json.length) / PAYLOAD_ALIGNMENT) * PAYLOAD_ALIGNMENT;
  const bytes = Buffer.alloc(payloadStart, ' ');
  bytes.write(MAGIC, 'latin1');
  bytes.writeUInt32LE(payloadStart - HEADER_START, MAGIC.length);
  json.copy(bytes, HEADER_START);
  return bytes;
}

/** @throws Error with the reason, where it is no compiled adapter that this version can read */
export function decodeAdapter(file: Buffer): { readonly header: AdapterFileHeader; readonly payload: Buffer } {
  if (file.length < HEADER_START || file.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new Error('not a compiled adapter of this version; add the adapter again');
  }
  const payloadStart = HEADER_START + file.readUInt32LE(MAGIC.length);
  const header = JSON.parse(file.toString('utf8', HEADER_START, payloadStart)) as AdapterFileHeader;
  if (header.format !== ADAPTER_FORMAT) throw new Error(`unknown format ${header.format}`);
  return { header, payload: file.subarray(payloadStart) };
}

/** Half floats of a payload. */
export function payloadLength(ranks: AdapterTensors['ranks'], shape: DecoderShape): number {
  const sizes = targetSizes(shape);
  const perLayer = LORA_TARGETS.reduce((sum, t) => sum + ranks[t] * (sizes[t].inputs + sizes[t].outputs), 0);
  return shape.layers * perLayer;
}

/** Every adapted target of every layer, as views of the payload. */
export function* piecesOf({ ranks, halves }: AdapterTensors, shape: DecoderShape): Generator<AdapterPiece> {
  const sizes = targetSizes(shape);
  let offset = 0;
  const take = (length: number) => halves.subarray(offset, (offset += length));
  for (let layer = 0; layer < shape.layers; layer++) {
    for (const target of LORA_TARGETS) {
      const rank = ranks[target];
      if (rank === 0) continue;
      const { inputs, outputs } = sizes[target];
      yield { layer, target, rank, a: take(rank * inputs), b: take(rank * outputs) };
    }
  }
}
