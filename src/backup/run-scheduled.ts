/** One backup of the series: made, copied to the store where there is one, and then the oldest go. */
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../config/schema.js';
import { AppError } from '../errors/app-error.js';
import { decodeText } from '../files/decode-text.js';
import { makeFolder } from '../files/make-folder.js';
import { readRegularFile } from '../files/regular-file.js';
import { digestFile } from '../model-import/files/durable.js';
import { backUp, MANIFEST } from './backup.js';
import { createObjectStore, type ObjectStore } from './object-store.js';
import { backupName, seriesOf, surplus } from './series.js';

export interface BackupTask {
  readonly dataDir: string;
  readonly databases: readonly string[];
  readonly settings: Config['backup'];
  readonly atMs: number;
}

const LEFT_HALF_DONE = /^switchyard-.*\.partial-/;

/** @throws AppError `backup_failed`, `backup_invalid`; nothing is deleted then */
export async function runScheduled({ dataDir, databases, settings, atMs }: BackupTask): Promise<void> {
  const { folder, keep } = settings;
  await makeFolder(folder, 0o700);
  // Of a process that ended in the middle: there is one at a time.
  for (const name of await readdir(folder)) {
    if (LEFT_HALF_DONE.test(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
  const name = backupName(atMs);
  const files = await backUp(dataDir, join(folder, name), databases);
  const store = openStore(settings);
  if (store !== null) {
    for (const { file, ...digest } of files) await store.put(`${name}/${file}`, join(folder, name, file), digest);
    // The last one: a backup without it is not whole, and is none.
    const manifest = join(folder, name, MANIFEST);
    await store.put(`${name}/${MANIFEST}`, manifest, await digestFile(manifest));
    const keys = await store.list('switchyard-');
    for (const old of surplus(foldersOf(keys), keep)) await removeFrom(store, keys, old);
  }
  for (const old of surplus(await readdir(folder), keep)) await rm(join(folder, old), { recursive: true, force: true });
}

/** Null where no store is configured. */
export function openStore({ s3Url, s3Region, s3AccessKeyId, s3SecretKeyFile }: Config['backup']): ObjectStore | null {
  if (s3Url === '') return null;
  let secretKey: string;
  try {
    secretKey = decodeText(readRegularFile(s3SecretKeyFile)).trim();
  } catch (error) {
    const reason = `backup.s3SecretKeyFile ${s3SecretKeyFile} cannot be read (${(error as Error).message})`;
    throw new AppError('backup_failed', { reason }, { cause: error });
  }
  return createObjectStore(s3Url, { accessKeyId: s3AccessKeyId, secretKey, region: s3Region });
}

/** Whole backups in a store, oldest first. */
export async function backupsIn(store: ObjectStore): Promise<string[]> {
  const keys = await store.list('switchyard-');
  return seriesOf(foldersOf(keys.filter((key) => key.endsWith(`/${MANIFEST}`))));
}

/** @throws AppError `not_found` for one that is not there as a whole */
export async function fetchBackup(store: ObjectStore, name: string, folder: string): Promise<void> {
  const keys = await store.list(`${name}/`);
  if (!keys.includes(`${name}/${MANIFEST}`)) throw new AppError('not_found', { what: 'Backup', id: name });
  for (const key of keys) {
    const file = join(folder, key.slice(name.length + 1));
    await makeFolder(dirname(file), 0o700);
    await store.fetch(key, file);
  }
}

/** What makes it a backup first. */
async function removeFrom(store: ObjectStore, keys: readonly string[], name: string): Promise<void> {
  const own = keys.filter((key) => key.startsWith(`${name}/`));
  const isManifest = (key: string) => key === `${name}/${MANIFEST}`;
  for (const key of [...own.filter(isManifest), ...own.filter((key) => !isManifest(key))]) await store.remove(key);
}

function foldersOf(keys: readonly string[]): string[] {
  return keys.map((key) => key.split('/')[0]!);
}
