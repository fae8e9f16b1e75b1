import { webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { AdapterRef } from '../contracts/adapter.js';
import type { ModelManifest } from '../contracts/model-manifest.js';
import { type AdapterTensors, contentDigest, decodeAdapter, payloadLength } from './adapter-file.js';

/**
 * Reads a compiled adapter and checks all that it claims against the request and the base: a file that is not exactly
 * what was registered never reaches the bank. Reading and hashing run off this thread, so decoding goes on meanwhile.
 * @throws Error with the reason
 */
export async function readAdapter(
  { digest, compiledFile }: Pick<AdapterRef, 'digest' | 'compiledFile'>,
  { baseDigest, shape }: Pick<ModelManifest, 'baseDigest' | 'shape'>,
): Promise<AdapterTensors> {
  const file = await readFile(compiledFile).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`its compiled file cannot be read (${error.code}); add the adapter again`);
  });
  const { header, payload } = decodeAdapter(file);
  const { digest: _, ...content } = header;
  const expected = [
    ['digest', digest],
    ['digest', contentDigest(content)],
    ['baseDigest', baseDigest],
    ['layers', shape.layers],
    ['payloadBytes', payload.length],
    ['payloadSha256', Buffer.from(await webcrypto.subtle.digest('SHA-256', payload)).toString('hex')],
  ] as const;
  for (const [field, value] of expected) {
    if (header[field] !== value) throw new Error(`${field} is ${header[field]}, expected ${value}`);
  }
  const { ranks } = header;
  if (payload.length !== payloadLength(ranks, shape) * Uint16Array.BYTES_PER_ELEMENT) {
    throw new Error(`its payload has ${payload.length} bytes, which its ranks do not account for`);
  }
  return { ranks, halves: new Uint16Array(payload.buffer, payload.byteOffset, payload.length / 2) };
}
