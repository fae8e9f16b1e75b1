import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FileOnDisk } from '../contracts/retrieval.js';

/** Of a file that stays in memory. */
const IN_MEMORY_BYTES = 256 * 1024;

/**
 * Keeps a file of a form, a large one on the disk: some megabytes beside its heap have V8 go through all of that for garbage, in which
 * every stream of the process stands still.
 * @param path where a large one may lie; whoever asked removes it
 */
export async function keepFile(content: AsyncIterable<Buffer>, path: string): Promise<Uint8Array | FileOnDisk> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  let file: FileHandle | null = null;
  try {
    for await (const piece of content) {
      bytes += piece.length;
      pieces.push(piece);
      if (bytes <= IN_MEMORY_BYTES) continue;
      if (file === null) {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        file = await open(path, 'wx', 0o600);
      }
      for (const kept of pieces.splice(0)) await file.writeFile(kept);
    }
  } finally {
    await file?.close();
  }
  return file === null ? Buffer.concat(pieces) : { path, bytes };
}
