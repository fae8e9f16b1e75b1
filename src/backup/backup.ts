/** A copy of everything in a data folder that cannot be made again: its databases and the adapters. Models and indexes can. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KEY_FILE } from '../audit/signing-key.js';
import { AppError } from '../errors/app-error.js';
import { findFiles } from '../files/find-files.js';
import { makeFolder } from '../files/make-folder.js';
import { isRegularFile } from '../files/regular-file.js';
import { digestFile, type FileDigest, replaceFolder, sync, writeDurably } from '../model-import/files/durable.js';
import { JsonFile } from '../model-import/files/json-file.js';
import { compiledFiles } from '../registry/compiled-files.js';
import { copyDatabase, verifyDatabase } from '../sqlite/copy.js';
import { lockDataDir } from '../sqlite/data-lock.js';
import { DATABASES, POSTGRES_LOG } from '../sqlite/databases.js';

const FORMAT = 'switchyard-backup-1';
export const MANIFEST = 'backup.json';
const ADAPTERS = 'adapters';
/** Made from what is restored: they go with what they were made from. */
const DERIVED = [...DATABASES.flatMap((name) => [`${name}-wal`, `${name}-shm`]), 'indexes'];

export interface BackedUpFile extends FileDigest {
  /** Below the backup's folder. */
  readonly file: string;
  /** Of a database. */
  readonly rows: number | null;
}

/**
 * Writes a backup into a new folder, all or nothing, while a gateway may be running on the data folder.
 * @param wanted databases of the folder
 * @throws AppError `backup_invalid` where what was copied cannot be opened again, `invalid_value` for a folder that is there
 */
export async function backUp(
  dataDir: string,
  folder: string,
  wanted: readonly string[] = DATABASES.slice(0, 2),
): Promise<BackedUpFile[]> {
  const databases = wanted.filter((name) => name !== POSTGRES_LOG || isRegularFile(join(dataDir, name)));
  if ((await readdir(folder).catch(() => [])).length > 0) {
    throw new AppError('invalid_value', { param: 'folder', reason: `${folder} is there already; name a new one` });
  }
  let files: BackedUpFile[] = [];
  await replaceFolder(folder, async (temporary) => {
    for (const name of databases) await copyDatabase(join(dataDir, name), join(temporary, name));
    // After the rows that name them: an adapter is whole before its row is written, and never changes.
    for (const file of findFilesIn(dataDir, ADAPTERS)) await copyInto(dataDir, temporary, file);
    // Else nothing that was signed with it could be verified after a restoration.
    for (const file of withKey(dataDir)) await copyInto(dataDir, temporary, file);
    files = await check(temporary, databases);
    const manifest = { format: FORMAT, createdAt: new Date().toISOString(), files };
    await writeDurably(join(temporary, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  });
  return files;
}

/**
 * Puts a backup in the place of what a data folder holds, which is kept beside it. No gateway may be running on it.
 * @returns what was restored, and where the old files are
 * @throws AppError `backup_invalid`, `config_invalid` where a gateway is running
 */
export async function restore(folder: string, dataDir: string): Promise<{ files: BackedUpFile[]; kept: string }> {
  if (!existsSync(folder)) throw new AppError('not_found', { what: 'Backup', id: folder });
  const file = join(folder, MANIFEST);
  if (!isRegularFile(file)) throw new AppError('backup_invalid', { file, reason: 'it is missing' });
  const manifest = new JsonFile(file);
  if (manifest.text('format') !== FORMAT) {
    throw new AppError('backup_invalid', { file: manifest.path, reason: 'it was written by a newer version' });
  }
  const saved = manifest.values.files as BackedUpFile[];
  const databases = DATABASES.filter((name) => saved.some(({ file }) => file === name));
  const files = await check(folder, databases);
  for (const { file, sha256 } of saved) {
    if (files.find((found) => found.file === file)?.sha256 === sha256) continue;
    throw new AppError('backup_invalid', { file: join(folder, file), reason: 'it is missing or was changed' });
  }
  const lock = lockDataDir(dataDir);
  const incoming = join(dataDir, 'restoring');
  const kept = join(dataDir, `before-restore-${new Date().toISOString().replace(/\W/g, '-')}`);
  try {
    await rm(incoming, { recursive: true, force: true });
    for (const { file } of files) await copyInto(folder, incoming, file);
    await mkdir(kept);
    const replaced = [...DATABASES, ADAPTERS, ...DERIVED, ...withKey(incoming)];
    for (const name of replaced) await moveIfThere(join(dataDir, name), join(kept, name));
    for (const name of await readdir(incoming)) await rename(join(incoming, name), join(dataDir, name));
    await rm(incoming, { recursive: true, force: true });
    await sync(dataDir);
    for (const name of databases) verifyDatabase(join(dataDir, name));
  } finally {
    await lock.close();
  }
  return { files, kept };
}

/** Opens the databases, and looks for every adapter that they name. */
async function check(folder: string, databases: readonly string[]): Promise<BackedUpFile[]> {
  for (const name of databases) {
    if (isRegularFile(join(folder, name))) continue;
    throw new AppError('backup_invalid', { file: join(folder, name), reason: 'it is missing' });
  }
  const rows = new Map(databases.map((name) => [name, verifyDatabase(join(folder, name))]));
  for (const file of compiledFiles(join(folder, DATABASES[0]))) {
    if (isRegularFile(join(folder, file))) continue;
    throw new AppError('backup_invalid', { file: join(folder, file), reason: 'it is missing' });
  }
  const names = [...databases, ...findFilesIn(folder, ADAPTERS), ...withKey(folder)];
  return Promise.all(
    names.map(async (file) => ({ file, ...(await digestFile(join(folder, file))), rows: rows.get(file) ?? null })),
  );
}

/** The key of the audit log, where a folder has it: backups of before there was one do not. */
function withKey(folder: string): string[] {
  return isRegularFile(join(folder, KEY_FILE)) ? [KEY_FILE] : [];
}

function findFilesIn(folder: string, name: string): string[] {
  try {
    return findFiles(join(folder, name), (entry) => !entry.includes('.partial-')).map((file) => `${name}/${file}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function copyInto(from: string, to: string, file: string): Promise<void> {
  const target = join(to, file);
  await makeFolder(dirname(target), 0o700);
  await copyFile(join(from, file), target);
  await sync(target);
}

async function moveIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
