import { open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../errors/app-error.js';
import type { PinnedFile } from '../catalog.js';
import { digestFile, sync } from '../files/durable.js';

/** What a source is given to do its work with. */
export interface Reception {
  /** Folder that receives the files. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Called with the number of bytes of all files that are there. */
  readonly onBytes: (bytes: number) => void;
}

const PARTIAL = '.partial';

/** Bytes of a file that an earlier, broken-off attempt left. */
export async function partialBytes(folder: string, file: PinnedFile): Promise<number> {
  const { size } = await stat(partialPath(folder, file)).catch(() => ({ size: 0 }));
  return size < file.bytes ? size : 0;
}

/**
 * Writes a file under a temporary name, from `offset` on, and gives it its name once its hash is right.
 * @throws AppError `model_hash_mismatch`, after which nothing of it is kept; Error when more or fewer bytes come than are pinned
 */
export async function receiveFile(
  chunks: AsyncIterable<Uint8Array>,
  file: PinnedFile,
  offset: number,
  reception: Reception,
): Promise<void> {
  const end = await writeChunks(chunks, file, offset, file.bytes, reception);
  if (end < file.bytes) throw new Error(`${file.name} ended after ${end} of ${file.bytes} bytes`);
  await acceptFile(partialPath(reception.folder, file), file, reception.folder);
}

/**
 * Writes bytes from `start` on under the file's temporary name, and returns where they ended.
 * @throws Error when they go past `end`
 */
export async function writeChunks(
  chunks: AsyncIterable<Uint8Array>,
  file: PinnedFile,
  start: number,
  end: number,
  { folder, signal, onBytes }: Reception,
): Promise<number> {
  const handle = await open(partialPath(folder, file), start > 0 ? 'r+' : 'w');
  let position = start;
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted();
      if (position + chunk.length > end) throw new Error(`${file.name} is larger than ${end} bytes`);
      await handle.write(chunk, 0, chunk.length, position);
      position += chunk.length;
      onBytes(position);
    }
  } finally {
    await handle.close();
  }
  return position;
}

/** Moves a complete file to its place; a wrong one is deleted. */
export async function acceptFile(temporary: string, file: PinnedFile, folder: string): Promise<void> {
  const { sha256 } = await digestFile(temporary);
  if (sha256 !== file.sha256) {
    await rm(temporary);
    throw new AppError('model_hash_mismatch', { file: file.name, actual: sha256, expected: file.sha256 });
  }
  await sync(temporary);
  await rename(temporary, path.join(folder, file.name));
  await sync(folder);
}

export function partialPath(folder: string, file: PinnedFile): string {
  return path.join(folder, `${file.name}${PARTIAL}`);
}
