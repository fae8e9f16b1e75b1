import { join } from 'node:path';
import { AppError } from '../errors/app-error.js';
import { makeFolderSync } from '../files/make-folder.js';
import { namingFile, Sqlite } from './open.js';

export interface DataLock {
  close(): Promise<void>;
}

/**
 * Makes sure that one gateway alone works on a data folder: two would write the same index files. The lock is
 * SQLite's own on a file of its own, so it ends with the process, however that ends, and the databases stay readable.
 * @throws AppError `config_invalid` when another process has the folder; what the system says where it cannot be made or written to
 */
export function lockDataDir(dataDir: string): DataLock {
  makeFolderSync(dataDir, 0o700);
  const path = join(dataDir, 'gateway.lock');
  const file = namingFile(path, () => new Sqlite(path, { timeout: 0 }));
  try {
    namingFile(path, () => file.exec('BEGIN EXCLUSIVE'));
  } catch (error) {
    file.close();
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error;
    throw new AppError('config_invalid', {
      reason: `another gateway is running on ${dataDir}. Stop it, or set SWITCHYARD_DATA to another folder`,
    });
  }
  return {
    async close() {
      file.close();
    },
  };
}
