/** Which backup of the series is restored, and from where. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { AppError } from '../errors/app-error.js';
import { backupsIn, fetchBackup, openStore } from './run-scheduled.js';
import { seriesOf } from './series.js';

const LATEST = 'latest';

/** @throws AppError `not_found` where there is none */
export async function newest(folder: string): Promise<string> {
  const name = seriesOf(await readdir(folder).catch(() => [])).at(-1);
  if (name === undefined) throw new AppError('not_found', { what: 'Backup in', id: folder || 'backup.folder' });
  return join(folder, name);
}

/** Fetches a backup out of the store for as long as it is used. @throws AppError `backup_failed`, `not_found` */
export async function fetched<T>(
  { backup }: Pick<Config, 'backup'>,
  wanted: string,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const store = openStore(backup);
  if (store === null) throw new AppError('config_invalid', { reason: 'backup.s3Url names no store to restore from' });
  const name = wanted === LATEST ? (await backupsIn(store)).at(-1) : wanted;
  if (name === undefined) throw new AppError('not_found', { what: 'Backup in', id: backup.s3Url });
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-restore-'));
  try {
    await fetchBackup(store, name, folder);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
