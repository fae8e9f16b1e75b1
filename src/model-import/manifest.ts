import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { ManifestFiles } from '../contracts/model-manifest.js';
import { type AnyManifest, IMPORTER_VERSION, MANIFEST } from '../layouts/manifest.js';
import { digestFile, sync, writeDurably } from './files/durable.js';

/** Hashes everything in the folder and writes the manifest as its last file. */
export async function finishManifest<M extends AnyManifest>(
  folder: string,
  content: Omit<M, 'files' | 'importer'>,
): Promise<M> {
  const importer = { version: IMPORTER_VERSION, createdAt: new Date().toISOString() };
  const manifest = { ...content, files: await digestFolder(folder), importer } as M;
  await writeDurably(path.join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
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
