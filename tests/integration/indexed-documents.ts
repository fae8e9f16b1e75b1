import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MODELS, removeDataDir, startGateway, temporaryDataDir } from './gateway-process.js';

const ROOT = resolve(import.meta.dirname, '../..');
/** What the gateway keeps of documents, with the key that signs their audit log. */
const KEPT = ['documents.db', 'indexes', 'audit-key.pem'];
/** What decides how documents are read. */
const READERS = ['dist', 'indexes/northwind-bank', 'package-lock.json'];

/**
 * A new data folder in which the sample documents are read already: a gateway of this very build did it once, for all tests that
 * are about something else. It takes most of a minute.
 */
export async function indexedDataDir(): Promise<string> {
  const all = join(dirname(MODELS), 'test-documents');
  const kept = join(all, digest());
  if (!existsSync(kept)) await readDocuments(all, kept);
  const dataDir = temporaryDataDir();
  for (const name of KEPT) cpSync(join(kept, name), join(dataDir, name), { recursive: true });
  return dataDir;
}

async function readDocuments(all: string, kept: string): Promise<void> {
  const dataDir = temporaryDataDir();
  const gateway = await startGateway(dataDir);
  await gateway.stop();
  rmSync(all, { recursive: true, force: true });
  const partial = `${kept}-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  for (const name of KEPT) cpSync(join(dataDir, name), join(partial, name), { recursive: true });
  renameSync(partial, kept);
  removeDataDir(dataDir);
}

function digest(): string {
  const hash = createHash('sha256');
  for (const reader of READERS) {
    const path = join(ROOT, reader);
    const files = reader.includes('.') ? [path] : filesIn(path);
    for (const file of files) hash.update(file).update('\0').update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
