import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findFiles } from '../../files/find-files.js';
import { isRegularFile } from '../../files/regular-file.js';

/** A file on this machine, as a store calls it. */
export interface Upload {
  /** The path below the folder that was named. */
  readonly name: string;
  readonly file: string;
}

const MAX_LIST_BYTES = 256 * 2 ** 20;

const isWanted = (name: string) => !name.startsWith('.') && name !== 'node_modules';

/** Every file below a folder that is not hidden. */
export function uploadsBelow(folder: string): Upload[] {
  return findFiles(folder, isWanted).map((name) => ({ name, file: join(folder, name) }));
}

/** The same; in a working tree of git, without what git ignores. */
export function trackedBelow(folder: string): Upload[] {
  return namesOfGit(folder)?.map((name) => ({ name, file: join(folder, name) })) ?? uploadsBelow(folder);
}

/** Null where there is no git, no working tree of it, or where that ignores the whole folder. */
function namesOfGit(folder: string): string[] | null {
  const args = ['-C', folder, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { status, stdout } = spawnSync('git', args, { encoding: 'utf8', maxBuffer: MAX_LIST_BYTES });
  if (status !== 0) return null;
  const names = new Set(stdout.split('\0').filter((name) => name !== '' && name.split('/').every(isWanted)));
  if (names.size === 0) return null;
  // What was deleted and not committed is listed all the same.
  return [...names].filter((name) => isRegularFile(join(folder, name))).sort();
}
