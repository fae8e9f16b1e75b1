import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MODELS, NO_ENGINE, removeDataDir, startGateway, temporaryDataDir } from './gateway-process.js';

const ROOT = process.cwd();
/** What the gateway keeps of documents, with the key that signs their audit log. */
const KEPT = ['documents.db', 'indexes', 'audit-key.pem'];
/** What decides how documents are read, beside the program. */
const READ = ['indexes/northwind-bank', 'indexes/vectors', 'package-lock.json'];
/** For the tokenizer of the shipped base their vectors are shipped. */
const SHIPPED_BASE = { SWITCHYARD_MODELS_BASE: 'qwen2.5-coder-0.5b-instruct' };
/** Where the program that reads them begins: its processes, and what is uploaded. */
const READERS = [
  'retrieval/process/main.js',
  'retrieval/process/parser/main.js',
  'sqlite/writer-thread.js',
  'demo/seed.js',
];
const IMPORTED = /(?:from|import) ?\(?['"](\.[^'"]+)['"]/g;

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
  const gateway = await startGateway(dataDir, { ...SHIPPED_BASE, ...NO_ENGINE });
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
  const read = READ.map((name) => join(ROOT, name)).flatMap((path) =>
    path.endsWith('.json') ? [path] : filesIn(path),
  );
  const program = new Set<string>();
  for (const reader of READERS) addWithImports(program, join(ROOT, 'dist', reader));
  for (const file of [...read, ...[...program].sort()]) hash.update(file).update('\0').update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

/** A change elsewhere in the program is no reason to read all documents again. */
function addWithImports(files: Set<string>, file: string): void {
  if (files.has(file)) return;
  files.add(file);
  for (const [, name] of readFileSync(file, 'utf8').matchAll(IMPORTED))
    addWithImports(files, resolve(dirname(file), name!));
}

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
