import { createHash, webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { AdapterFileHeader, AdapterRef } from '../../contracts/adapter.js';
import type { ModelManifest } from '../../contracts/model-manifest.js';
import { type AdapterWeights, LORA_SITES, siteSizes } from './lora-weights.js';

const MAGIC = 'SWADAPT1';
const HEADER_START = 12;

/**
 * Reads a compiled adapter (layout: contracts/adapter.ts) and checks all that it claims against the request and the
 * base: a file that is not exactly what was registered never reaches the bank. Reading and hashing run off this
 * thread, so decoding goes on meanwhile.
 * @throws Error with the reason
 */
export async function readAdapter(
  { digest, compiledFile }: AdapterRef,
  { baseDigest, shape }: Pick<ModelManifest, 'baseDigest' | 'shape'>,
): Promise<AdapterWeights> {
  const file = await readFile(compiledFile).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`its compiled file cannot be read (${error.code}); add the adapter again`);
  });
  if (file.length < HEADER_START || file.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new Error('not a compiled adapter');
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
  return split(payload, header, siteSizes(shape));
}

function parseHeader(bytes: Buffer): AdapterFileHeader {
  const header = JSON.parse(bytes.toString('utf8')) as AdapterFileHeader;
  if (header.format !== 'switchyard-adapter-1') throw new Error(`unknown format ${header.format}`);
  return header;
}

function split(
  payload: Buffer,
  { layers, ranks }: AdapterFileHeader,
  sizes: ReturnType<typeof siteSizes>,
): AdapterWeights {
  const wanted = LORA_SITES.reduce((sum, site) => sum + ranks[site] * (sizes[site].inputs + sizes[site].outputs), 0);
  if (payload.length !== layers * wanted * Float32Array.BYTES_PER_ELEMENT) {
    throw new Error(`its payload has ${payload.length} bytes, which its ranks do not account for`);
  }
  const floats = new Float32Array(payload.buffer, payload.byteOffset, payload.length / Float32Array.BYTES_PER_ELEMENT);
  let offset = 0;
  const take = (length: number): Float32Array => floats.subarray(offset, (offset += length));
  const site = (name: (typeof LORA_SITES)[number]) => {
    const rank = ranks[name];
    return { rank, a: take(rank * sizes[name].inputs), b: take(rank * sizes[name].outputs) };
  };
  return Array.from({ length: layers }, () => ({
    qkv: site('qkv'),
    o: site('o'),
    gu: site('gu'),
    down: site('down'),
  }));
}
