import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { EmbedderManifest, ManifestFiles, ModelManifest } from '../contracts/model-manifest.js';
import { AppError } from '../errors/app-error.js';
import { digestFile, sync, writeDurably } from './files/durable.js';

/** Raised when what was imported before would not serve, or serve worse: it is then imported again. */
export const IMPORTER_VERSION = 3;

const MANIFEST = 'manifest.json';

export type AnyManifest = ModelManifest | EmbedderManifest;

/** Hashes everything in the folder and writes the manifest as its last file: a folder without one is unfinished. */
export async function finishManifest<M extends AnyManifest>(
  folder: string,
  content: Omit<M, 'files' | 'importer'>,
): Promise<M> {
  const importer = { version: IMPORTER_VERSION, createdAt: new Date().toISOString() };
  const manifest = { ...content, files: await digestFolder(folder), importer } as M;
  await writeDurably(path.join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** The manifest of an imported model, or null where there is none that this version can use. */
export async function readManifest(folder: string): Promise<AnyManifest | null> {
  try {
    const manifest = JSON.parse(await readFile(path.join(folder, MANIFEST), 'utf8')) as AnyManifest;
    return manifest.importer.version === IMPORTER_VERSION ? manifest : null;
  } catch {
    return null;
  }
}

/** The manifest of an imported base model. @throws AppError `model_unavailable` where `readManifest` gives none */
export async function readBaseManifest(folder: string): Promise<ModelManifest> {
  const manifest = await readManifest(folder);
  if (manifest?.format === 'switchyard-decoder-2') return manifest;
  throw new AppError('model_unavailable', {
    model: path.basename(folder),
    reason: 'it is not imported; pull it first',
  });
}

async function digestFolder(folder: string): Promise<ManifestFiles> {
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const full = path.join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await sync(full);
    else files[path.relative(folder, full).split(path.sep).join('/')] = await digestFile(full);
  }
  return files;
}
