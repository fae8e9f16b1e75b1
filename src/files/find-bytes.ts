import { open } from 'node:fs/promises';

const CHUNK_BYTES = 256 * 1024;

/**
 * Whether one of `pieces` stands anywhere in a file. Not for a database's files where this process has it open: the
 * system takes a process's locks on a file with the first descriptor of it that is closed.
 * @param pieces shorter than 256 KiB
 * @returns the bytes that were read until then
 */
export async function findBytes(file: string, pieces: readonly Buffer[]): Promise<{ isFound: boolean; bytes: number }> {
  const overlap = Math.max(0, ...pieces.map(({ length }) => length - 1));
  const buffer = Buffer.alloc(overlap + CHUNK_BYTES);
  const handle = await open(file, 'r');
  try {
    for (let bytes = 0, kept = 0; ; ) {
      const { bytesRead } = await handle.read(buffer, kept, CHUNK_BYTES);
      if (bytesRead === 0) return { isFound: false, bytes };
      bytes += bytesRead;
      const filled = buffer.subarray(0, kept + bytesRead);
      if (pieces.some((piece) => filled.includes(piece))) return { isFound: true, bytes };
      // What begins at the end of a chunk ends in the next one.
      kept = Math.min(overlap, filled.length);
      filled.copy(buffer, 0, filled.length - kept);
    }
  } finally {
    await handle.close();
  }
}
