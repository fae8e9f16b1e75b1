import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, posix, resolve } from 'node:path';
import type { FileAttributes, Page, PageRequest, Retrieval, VectorStore } from '../contracts/retrieval.js';
import { AppError } from '../errors/app-error.js';
import { findFiles } from '../files/find-files.js';
import { readRegularFile } from '../files/regular-file.js';
import type { DemoAssistant } from './tenants.js';

const PAGE_SIZE = 100;

/** Of the sample documents' passages, by a model. @returns a path below the repository */
export function sampleVectorsFile(embedder: string): string {
  return `indexes/vectors/${embedder}.vectors`;
}

interface Document {
  readonly filename: string;
  readonly content: Buffer;
  readonly sha256: string;
}

/** All Markdown files of a sample tenant. @param root of the repository */
export function readDocuments(folders: DemoAssistant['documents'], root: string): Document[] {
  return folders.flatMap(({ package: owner, folder, prefix }) =>
    readFolder(join(owner === null ? root : folderOfPackage(owner, root), folder), prefix),
  );
}

/** Beside the repository where that is a dependency itself. */
function folderOfPackage(name: string, root: string): string {
  return dirname(createRequire(resolve(root, 'package.json')).resolve(`${name}/package.json`));
}

function readFolder(folder: string, prefix: string): Document[] {
  if (!existsSync(folder)) {
    const reason = `the demo needs the documents in ${folder}, which are missing. Start from a whole clone, or set SWITCHYARD_DEMO=false`;
    throw new AppError('config_invalid', { reason });
  }
  return findFiles(folder)
    .filter((path) => path.endsWith('.md'))
    .map((path) => {
      const content = readRegularFile(join(folder, path));
      const sha256 = createHash('sha256').update(content).digest('hex');
      return { filename: posix.join(prefix, path), content, sha256 };
    });
}

/** Uploads what the tenant's default store does not hold yet, and replaces what has changed or was left half done. */
export async function seedDocuments(
  retrieval: Retrieval,
  tenant: string,
  documents: readonly Document[],
): Promise<void> {
  const store =
    (await defaultStore(retrieval, tenant)) ??
    (await retrieval.createStore(tenant, { name: 'Documents', metadata: {} }));
  const attached = await listAll(
    (page) => retrieval.listStoreFiles(tenant, store.id, page),
    (file) => file.fileId,
  );
  const held = new Map(attached.map((file) => [file.attributes.path, file]));
  const wanted = documents.filter(({ filename, sha256 }) => {
    const file = held.get(filename);
    return file?.attributes.sha256 !== sha256 || file.status === 'failed';
  });
  if (wanted.length === 0) return;

  const names = new Set(wanted.map(({ filename }) => filename));
  const files = await listAll(
    (page) => retrieval.listFiles(tenant, page, null),
    (file) => file.id,
  );
  for (const { id, filename } of files) if (names.has(filename)) await retrieval.deleteFile(tenant, id);
  // All files first: whatever is attached starts to be embedded, and uploads would wait for it.
  const uploaded: { readonly id: string; readonly attributes: FileAttributes }[] = [];
  for (const { filename, content, sha256 } of wanted) {
    const { id } = await retrieval.createFile(tenant, { filename, purpose: 'assistants', content });
    uploaded.push({ id, attributes: { path: filename, sha256 } });
  }
  await Promise.all(
    uploaded.map(({ id, attributes }) => retrieval.attachFile(tenant, store.id, { fileId: id, attributes })),
  );
}

export async function defaultStore(retrieval: Retrieval, tenant: string): Promise<VectorStore | undefined> {
  return (await retrieval.listStores(tenant, { limit: 1, after: null, order: 'asc' })).items[0];
}

async function listAll<T>(list: (page: PageRequest) => Promise<Page<T>>, idOf: (item: T) => string): Promise<T[]> {
  const all: T[] = [];
  for (let page: Page<T> | null = null; page === null || page.hasMore; ) {
    page = await list({ limit: PAGE_SIZE, after: all.length > 0 ? idOf(all.at(-1)!) : null, order: 'asc' });
    all.push(...page.items);
  }
  return all;
}
