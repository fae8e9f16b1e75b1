import { readFileSync } from 'node:fs';
import type { FileOnDisk } from '../contracts/retrieval.js';

/** Bytes that are here, or are read now. */
export function contentOf(content: Uint8Array | FileOnDisk): Uint8Array {
  return content instanceof Uint8Array ? content : readFileSync(content.path);
}
