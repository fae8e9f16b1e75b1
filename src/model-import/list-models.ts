/** Apart from what imports: a gateway lists too, and has no use for the rest. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { type AnyManifest, readManifest } from '../layouts/manifest.js';
import { CATALOG } from './catalog.js';
import { isModelId } from './model-id.js';

export interface ModelListing {
  readonly id: string;
  readonly kind: 'base' | 'embedder' | 'ner';
  /** In the catalog, so that it can be pulled. */
  readonly known: boolean;
  /** Null where it is not imported, or was by an older version. */
  readonly manifest: AnyManifest | null;
  /** Size of the imported files. */
  readonly bytes: number;
}

const KIND_OF: Readonly<Record<AnyManifest['format'], ModelListing['kind']>> = {
  'switchyard-decoder-2': 'base',
  'switchyard-embedder-3': 'embedder',
  'switchyard-ner-1': 'ner',
};

/** The models of the catalog, and all others that were imported. */
export async function listModels(dataDir: string): Promise<ModelListing[]> {
  const models = path.join(dataDir, 'models');
  const known = CATALOG.map(({ id }) => id);
  const folders = existsSync(models) ? (await readdir(models)).filter(isModelId) : [];
  const listings: ModelListing[] = [];
  for (const id of [...new Set([...known, ...folders.sort()])]) {
    const manifest = await readManifest(path.join(models, id));
    const entry = CATALOG.find((candidate) => candidate.id === id);
    if (!manifest && !entry) continue;
    const kind = entry?.kind ?? KIND_OF[manifest!.format];
    const bytes = Object.values(manifest?.files ?? {}).reduce((sum, file) => sum + file.bytes, 0);
    listings.push({ id, kind, known: entry !== undefined, manifest, bytes });
  }
  return listings;
}
