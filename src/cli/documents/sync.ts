import { readRegularFile } from '../../files/regular-file.js';
import { checkFile } from '../../retrieval/chunking/file-kinds.js';
import { type Api, path } from '../api.js';
import type { Upload } from './folder.js';
import { digestOf, type Outcome, type StoreFile } from './upload.js';

/** A document of the folder. */
export interface LocalDocument extends Upload {
  readonly sha256: string;
}

export interface SyncPlan {
  readonly add: readonly LocalDocument[];
  readonly replace: readonly LocalDocument[];
  /** Of the store. */
  readonly remove: readonly { readonly id: string; readonly name: string }[];
  readonly unchanged: number;
}

/** Tells documents that a sync put into a store from those that others did: only the former are removed. */
export const SYNCED = { synced: true } as const;

const PAGE = 100;
/** Of an attribute, which the path is too. */
const MAX_PATH = 512;

interface Page {
  readonly data: readonly StoreFile[];
  readonly has_more: boolean;
}

/**
 * What makes a store hold what a folder does.
 * @param prefix of the names that the folder answers for; documents of other names stay
 */
export function planSync(local: readonly LocalDocument[], held: readonly StoreFile[], prefix: string): SyncPlan {
  const heldNames = new Set(held.map(({ path: name }) => name));
  const asIs = new Set(
    held.filter(({ status }) => isWell(status)).map(({ path: name, attributes }) => `${attributes.sha256} ${name}`),
  );
  const changed = local.filter(({ sha256, name }) => !asIs.has(`${sha256} ${name}`));
  const names = new Set(local.map(({ name }) => name));
  return {
    add: changed.filter(({ name }) => !heldNames.has(name)),
    replace: changed.filter(({ name }) => heldNames.has(name)),
    remove: held
      .filter(({ attributes, path: name }) => attributes.synced === true && name?.startsWith(prefix))
      .map(({ id, path: name }) => ({ id, name: name! }))
      .filter(({ name }) => !names.has(name)),
    unchanged: local.length - changed.length,
  };
}

function isWell(status: StoreFile['status']): boolean {
  return status === 'completed' || status === 'in_progress';
}

/** Reads the files of a folder; what is no document is skipped, with the reason. */
export function readLocal(uploads: readonly Upload[]): { documents: LocalDocument[]; skipped: Outcome[] } {
  const documents: LocalDocument[] = [];
  const skipped: Outcome[] = [];
  for (const upload of uploads) {
    const content = readRegularFile(upload.file);
    try {
      if (upload.name.length > MAX_PATH) throw new Error(`its path is longer than ${MAX_PATH} characters`);
      checkFile(upload.name, content);
      documents.push({ ...upload, sha256: digestOf(content) });
    } catch (error) {
      skipped.push(skip(upload.name, (error as Error).message));
    }
  }
  return { documents, skipped };
}

export function skip(document: string, reason: string): Outcome {
  return { document, status: 'skipped', passages: null, reason, id: null };
}

/** All files of a store. */
export async function listStoreFiles(api: Api, url: string): Promise<StoreFile[]> {
  const all: StoreFile[] = [];
  for (let hasMore = true; hasMore; ) {
    const after = all.length > 0 ? `&after=${encodeURIComponent(all.at(-1)!.id)}` : '';
    const page = await api.get<Page>(`${url}/files?order=asc&limit=${PAGE}${after}`);
    all.push(...page.data);
    hasMore = page.has_more;
  }
  return all;
}

export function deleteFile(api: Api, id: string): Promise<unknown> {
  return api.send('DELETE', path`/v1/files/${id}`);
}
