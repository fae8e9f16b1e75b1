import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EmbedderManifest } from '../contracts/model-manifest.js';
import { AppError } from '../errors/app-error.js';
import { makeFolder } from '../files/make-folder.js';
import { type AnyManifest, readManifest } from '../layouts/manifest.js';
import { CATALOG, type CatalogEntry, type Edition } from './catalog.js';
import { ADAPTER_WEIGHTS } from './embedder/adapted.js';
import { digestFile } from './files/durable.js';
import { importDecoder } from './import-decoder.js';
import { importEmbedder } from './import-embedder.js';
import { importNer } from './import-ner.js';
import { isModelId } from './model-id.js';
import { requireDisk } from './room.js';
import { fetchFiles } from './sources/fetch-files.js';

export interface PullProgress {
  readonly model: string;
  readonly stage: 'download' | 'import';
  /** Where the bytes come from, or why the last source did not serve. */
  readonly detail: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export interface PullOptions {
  /** A local folder that is asked before all other sources; null for none. */
  readonly sourceDir?: string | null;
  readonly signal?: AbortSignal;
}

/**
 * Brings a model of the catalog into `<dataDir>/models/<id>`: downloads it from the first source that serves, checks its
 * hashes, imports it. What is there already costs a few file look-ups; so does a model that was imported from elsewhere.
 * @throws AppError `model_hash_mismatch`, `model_unavailable` with what to do where the id is neither known nor imported
 */
export async function pullModel(
  id: string,
  dataDir: string,
  onProgress: (progress: PullProgress) => void = () => undefined,
  { sourceDir = null, signal = new AbortController().signal }: PullOptions = {},
): Promise<AnyManifest> {
  const entry = CATALOG.find((known) => known.id === id);
  const folder = path.join(dataDir, 'models', id);
  const installed = isModelId(id) ? await readManifest(folder) : null;
  if (!entry) return requireImported(id, folder, installed);
  if (installed && (await isIntact(folder, installed, entry))) return installed;

  const downloads = path.join(dataDir, 'downloads', id);
  await makeFolder(downloads);
  let bytesTotal = 0;
  const report = (stage: PullProgress['stage'], detail: string, bytesDone: number) =>
    onProgress({ model: id, stage, detail, bytesDone: Math.min(bytesDone, bytesTotal), bytesTotal });
  const { weights } = await firstAvailable(editionsOf(entry), async (edition) => {
    bytesTotal = edition.files.reduce((sum, { bytes }) => sum + bytes, 0);
    await requireDisk(id, downloads, bytesTotal);
    await fetchFiles({ id, ...edition }, downloads, sourceDir, signal, (detail, bytes) =>
      report('download', detail, bytes),
    );
  });
  report('import', `importing ${id}`, bytesTotal);
  const manifest = await importAs(entry, downloads, weights, folder);
  // What was imported holds all of it, and the manifest its digest.
  await rm(downloads, { recursive: true, force: true });
  return manifest;
}

async function importAs(entry: CatalogEntry, downloads: string, weights: string, folder: string): Promise<AnyManifest> {
  const { id, kind, embedding } = entry;
  switch (kind) {
    case 'base':
      return importDecoder(path.join(downloads, weights), folder, { id });
    case 'embedder':
      return importEmbedder({ folder: downloads, weights, adapter: adapterOf(entry) }, folder, id, embedding);
    case 'ner':
      return importNer({ folder: downloads, weights }, folder, id);
  }
}

async function requireImported(id: string, folder: string, installed: AnyManifest | null): Promise<AnyManifest> {
  if (installed && (await isWhole(folder, installed))) return installed;
  const state = installed ? 'files of it are missing' : 'it is neither known nor imported';
  const reason = `${state}. Import it with "switchyard models import FILE --id ${id}", or "switchyard models pull hub:OWNER/NAME:FILE --id ${id}"; "switchyard models list" shows what is known`;
  throw new AppError('model_unavailable', { model: id, reason });
}

const ADAPTERS = fileURLToPath(new URL('../../adapters', import.meta.url));

function adapterOf({ adapter }: CatalogEntry): string | undefined {
  return adapter && path.join(ADAPTERS, adapter);
}

const editionsOf = (entry: CatalogEntry): readonly Edition[] => [entry, ...(entry.others ?? [])];

/** The first edition that could be fetched. @throws what went wrong with the last one */
async function firstAvailable(
  editions: readonly Edition[],
  fetch: (edition: Edition) => Promise<void>,
): Promise<Edition> {
  for (const edition of editions.slice(0, -1)) {
    try {
      await fetch(edition);
      return edition;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'model_unavailable') throw error;
    }
  }
  const last = editions.at(-1)!;
  await fetch(last);
  return last;
}

async function isIntact(folder: string, manifest: AnyManifest, entry: CatalogEntry): Promise<boolean> {
  const isPinned = editionsOf(entry).some(({ files, weights }) =>
    files.some(({ name, sha256 }) => name === weights && sha256 === manifest.baseDigest),
  );
  if (!isPinned) return false;
  const adapter = adapterOf(entry);
  const adapterDigest = adapter && (await digestFile(path.join(adapter, ADAPTER_WEIGHTS))).sha256;
  if ((manifest as EmbedderManifest).adapterDigest !== adapterDigest) return false;
  return isWhole(folder, manifest);
}

/** Looks at names and sizes only; `verifyModel` reads the bytes. */
async function isWhole(folder: string, manifest: AnyManifest): Promise<boolean> {
  const sizes = await Promise.all(
    Object.entries(manifest.files).map(async ([name, { bytes }]) => {
      const { size } = await stat(path.join(folder, name)).catch(() => ({ size: -1 }));
      return size === bytes;
    }),
  );
  return sizes.every(Boolean);
}
