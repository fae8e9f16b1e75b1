import { createHash, webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { AdapterFileHeader, AdapterRef } from '../../contracts/adapter.js';
import type { DecoderShape, LoraTarget, ModelManifest } from '../../contracts/model-manifest.js';
import { LORA_TARGETS, targetSizes } from '../../layouts/lora.js';

const MAGIC = 'SWADAPT2';
const HEADER_START = 12;

/** An adapter as its compiled file holds it. */
export interface AdapterTensors {
  readonly ranks: Readonly<Record<LoraTarget, number>>;
  /** All panels, as half floats (layout: contracts/adapter.ts). */
  readonly halves: Uint16Array;
}

/** The panels of one target of one layer. */
export interface AdapterPiece {
  readonly layer: number;
  readonly target: LoraTarget;
  readonly rank: number;
  readonly a: Uint16Array;
  readonly b: Uint16Array;
}

/**
 * Reads a compiled adapter and checks all that it claims against the request and the base: a file that is not exactly
 * what was registered never reaches the bank. Reading and hashing run off this thread, so decoding goes on meanwhile.
 * @throws Error with the reason
 */
export async function readAdapter(
  { digest, compiledFile }: AdapterRef,
  { baseDigest, shape }: Pick<ModelManifest, 'baseDigest' | 'shape'>,
): Promise<AdapterTensors> {
  const file = await readFile(compiledFile).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`its compiled file cannot be read (${error.code}); add the adapter again`);
  });
  if (file.length < HEADER_START || file.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new Error('not a compiled adapter of this version; add the adapter again');
  }
  const payloadStart = HEADER_START + file.readUInt32LE(MAGIC.length);
  const header = parseHeader(file.subarray(HEADER_START, payloadStart));
  const payload = file.subarray(payloadStart);
  const { digest: _, ...content } = header;
  const expected = [
    ['digest', digest],
    ['digest', createHash('sha256').update(JSON.stringify(content)).digest('hex')],
    ['baseDigest', baseDigest],
    ['layers', shape.layers],
    ['payloadBytes', payload.length],
    ['payloadSha256', Buffer.from(await webcrypto.subtle.digest('SHA-256', payload)).toString('hex')],
  ] as const;
  for (const [field, value] of expected) {
    if (header[field] !== value) throw new Error(`${field} is ${header[field]}, expected ${value}`);
  }
  const { ranks } = header;
  const sizes = targetSizes(shape);
  const perLayer = LORA_TARGETS.reduce((sum, t) => sum + ranks[t] * (sizes[t].inputs + sizes[t].outputs), 0);
  if (payload.length !== shape.layers * perLayer * Uint16Array.BYTES_PER_ELEMENT) {
    throw new Error(`its payload has ${payload.length} bytes, which its ranks do not account for`);
  }
  return { ranks, halves: new Uint16Array(payload.buffer, payload.byteOffset, payload.length / 2) };
}

/** Every adapted target of every layer. */
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

function parseHeader(bytes: Buffer): AdapterFileHeader {
  const header = JSON.parse(bytes.toString('utf8')) as AdapterFileHeader;
  if (header.format !== 'switchyard-adapter-2') throw new Error(`unknown format ${header.format}`);
  return header;
}
