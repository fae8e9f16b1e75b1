import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { isRegularFile } from '../../files/regular-file.js';
import type { PinnedFile } from '../catalog.js';
import { acceptFile, partialPath, type Reception } from './receive.js';

/**
 * Copies files that lie in a folder, or in its subfolder named like the model.
 * @throws Error when one is not there; AppError `model_hash_mismatch`
 */
export async function fetchFromFolder(
  source: string,
  modelId: string,
  files: readonly PinnedFile[],
  reception: Reception,
): Promise<void> {
  let done = 0;
  for (const file of files) {
    const candidates = [path.join(source, modelId, file.name), path.join(source, file.name)];
    const found = candidates.find((candidate) => isRegularFile(candidate));
    if (!found) throw new Error(`${file.name} is not there`);
    const temporary = partialPath(reception.folder, file);
    await copyFile(found, temporary, constants.COPYFILE_FICLONE);
    await acceptFile(temporary, file, reception.folder);
    reception.onBytes((done += file.bytes));
  }
}
