/** What the command line offers about models: pull, list, verify, import. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../errors/app-error.js';
import { type AnyManifest, readManifest } from '../layouts/manifest.js';
import { CATALOG } from './catalog.js';
import { weightsFile } from './embedder/weights.js';
import { digestFile } from './files/durable.js';
import { JsonFile } from './files/json-file.js';
import { type ImportOptions, importDecoder } from './import-decoder.js';
import { importEmbedder } from './import-embedder.js';
import { isModelId } from './model-id.js';

export { type PullProgress, pullModel } from './pull.js';

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

/** One file of an imported model, hashed anew. */
export interface VerifiedFile {
  readonly file: string;
  readonly expected: string;
  /** Null where the file is gone. */
  readonly actual: string | null;
}

/**
 * Reads every byte of an imported model; a file is sound where `actual` equals `expected`.
 * @throws AppError `not_found` for a model that is not imported
 */
export async function verifyModel(id: string, dataDir: string): Promise<VerifiedFile[]> {
  const folder = path.join(dataDir, 'models', id);
  const manifest = isModelId(id) ? await readManifest(folder) : null;
  if (!manifest) throw new AppError('not_found', { what: 'The imported model', id });
  return Promise.all(
    Object.entries(manifest.files).map(async ([file, { sha256 }]) => {
      const place = path.join(folder, file);
      return { file, expected: sha256, actual: existsSync(place) ? (await digestFile(place)).sha256 : null };
    }),
  );
}

/**
 * Imports a GGUF file or a folder with safetensors into `<dataDir>/models/<id>`; a BERT folder becomes an embedder. The
 * id is the source's name, unless it is given.
 * @throws AppError `model_invalid` with the reason, `invalid_value` for an id that cannot be a folder's name
 */
export async function importModel(
  source: string,
  dataDir: string,
  options: Partial<ImportOptions> = {},
): Promise<AnyManifest> {
  const id =
    options.id ??
    path
      .basename(source)
      .replace(/\.gguf$/i, '')
      .toLowerCase();
  if (!isModelId(id)) {
    throw new AppError('invalid_value', {
      param: 'id',
      reason: `${id} must be letters, digits, dots, dashes and underscores`,
    });
  }
  const folder = path.join(dataDir, 'models', id);
  const config = path.join(source, 'config.json');
  const isEmbedder = existsSync(config) && new JsonFile(config).values.model_type === 'bert';
  return isEmbedder
    ? importEmbedder({ folder: source, weights: weightsFile(source) }, folder, id)
    : importDecoder(source, folder, { ...options, id });
}
