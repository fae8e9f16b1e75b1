import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FileOnDisk } from '../contracts/retrieval.js';
import { AppError } from '../errors/app-error.js';
import { giveBack } from '../files/give-back.js';
import { storageTrouble } from '../sqlite/storage-trouble.js';

const RETRY_AFTER_S = 5;
/** Of a file that stays in memory. */
const IN_MEMORY_BYTES = 256 * 1024;

/**
 * Keeps a file of a form, a large one on the disk: some megabytes beside its heap have V8 go through all of that for garbage, in which
 * every stream of the process stands still.
 * @param path where a large one may lie, in a folder of the data folder; whoever asked removes it
 * @throws AppError `storage_unavailable`
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
      file ??= await toDisk(createFile(path));
      for (const kept of pieces.splice(0)) {
        await toDisk(file.writeFile(kept));
        giveBack(kept);
      }
    }
  } finally {
    await file?.close();
  }
  return file === null ? Buffer.concat(pieces) : { path, bytes };
}

/** Not with the parents of its folder: where the data folder is away, nothing is to take its place. */
async function createFile(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { mode: 0o700 }).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return open(path, 'wx', 0o600);
}

async function toDisk<T>(done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (error) {
    const reason = storageTrouble(error);
    if (reason === null) throw error;
    throw new AppError('storage_unavailable', { reason, retryAfterS: RETRY_AFTER_S }, { cause: error });
  }
}
