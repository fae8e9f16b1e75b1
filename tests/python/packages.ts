/** Python packages for tests: installed once by the ordinary pip into a folder of their own, no virtual environment needed. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = process.cwd();

/** @param requirements file beside this one. Returns the folder for PYTHONPATH. @throws Error with what pip said */
export function installPython(requirements: string): string {
  const file = join(import.meta.dirname, requirements);
  const digest = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16);
  const folder = join(ROOT, '.switchyard/python', digest);
  if (existsSync(folder)) return folder;
  // Renamed when it is whole, so that an installation that was interrupted is done again.
  const scratch = `${folder}.${process.pid}`;
  mkdirSync(dirname(folder), { recursive: true });
  // Compiling all modules of a hundred packages takes longer than unpacking them, and few of them are imported.
  const quiet = ['--quiet', '--disable-pip-version-check', '--no-warn-conflicts', '--no-compile'];
  const run = spawnSync('python3', ['-m', 'pip', 'install', ...quiet, '--target', scratch, '-r', file], {
    encoding: 'utf8',
  });
  if (run.status !== 0) {
    rmSync(scratch, { recursive: true, force: true });
    throw new Error(`pip could not install ${requirements}: ${run.stderr ?? run.error?.message}`);
  }
  try {
    renameSync(scratch, folder);
  } catch (error) {
    // Another test file, side by side with this one, was first.
    if (!existsSync(folder)) throw error;
    rmSync(scratch, { recursive: true, force: true });
  }
  return folder;
}
