import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { makeFolder } from '../../files/make-folder.js';
import { openRegularFile } from '../../files/regular-file.js';

export interface FileDigest {
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export async function digestFile(file: string): Promise<FileDigest> {
  const hash = createHash('sha256');
  let bytes = 0;
  const { descriptor } = openRegularFile(file);
  await pipeline(createReadStream(file, { fd: descriptor, highWaterMark: 1 << 20 }), async (chunks) => {
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  });
  return { bytes, sha256: hash.digest('hex') };
}

/** What tells apart the contents of files: the SHA-256 of one, of several that of the lines `<sha256>  <name>\n`. */
export async function digestFiles(files: readonly string[]): Promise<string> {
  const digests = await Promise.all(files.map(digestFile));
  if (digests.length === 1) return digests[0]!.sha256;
  const lines = digests.map(({ sha256 }, i) => `${sha256}  ${path.basename(files[i]!)}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}

/** Writes a file and waits until the disk has it. */
export async function writeDurably(file: string, ...parts: readonly (string | Uint8Array)[]): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    for (const part of parts) await handle.writeFile(part);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Fills a folder all or nothing: `fill` writes into a temporary neighbour, which then takes the place of `folder`.
 * A crash leaves the old folder, the new one, or between the two renames none; never a half of one. Neighbours that a
 * crash left are removed by the next call.
 */
export async function replaceFolder(folder: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const parent = path.dirname(folder);
  await makeFolder(parent);
  await removeLeftovers(parent, `${path.basename(folder)}${TEMPORARY}`);
  const suffix = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const temporary = `${folder}${TEMPORARY}${suffix}`;
  const replaced = `${folder}${TEMPORARY}${suffix}-old`;
  await mkdir(temporary);
  try {
    await fill(temporary);
    await sync(temporary);
    if (existsSync(folder)) await rename(folder, replaced);
    await rename(temporary, folder);
    await sync(parent);
  } finally {
    await rm(temporary, { recursive: true, force: true });
    await rm(replaced, { recursive: true, force: true });
  }
}

const TEMPORARY = '.partial-';

/** Leftovers of processes that are gone; a neighbour of a living one is its own business. */
async function removeLeftovers(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length).split('-')[0]);
    if (!isAlive(pid)) await rm(path.join(parent, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Waits until the disk has a file, or the names in a folder: renames are kept by the folder, not by the file. */
export async function sync(fileOrFolder: string): Promise<void> {
  const handle = await open(fileOrFolder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
