import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder, with its parents, where there is none. In place of Node's `recursive`, which tries without end where a folder is
 * there and takes none (ENOENT: procfs, or what is mounted was deleted).
 * @param mode of those that are made
 * @throws the system's error, which names the folder
 */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  const parent = dirname(folder);
  if (parent !== folder && !(await isFolder(parent))) await makeFolder(parent, mode);
  await mkdir(folder, { mode }).catch(async (error) => {
    if (!(await isFolder(folder))) throw error;
  });
}

/** The same, for a start that nothing else waits behind. */
export function makeFolderSync(folder: string, mode = 0o777): void {
  const parent = dirname(folder);
  if (parent !== folder && !isFolderSync(parent)) makeFolderSync(parent, mode);
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    if (!isFolderSync(folder)) throw error;
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

function isFolderSync(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
