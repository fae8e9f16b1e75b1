/** What the command line offers about models: pull, verify, import. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '../errors/app-error.js';
import { type AnyManifest, readManifest } from '../layouts/manifest.js';
import { weightsFile } from './embedder/weights.js';
import { digestFile } from './files/durable.js';
import { JsonFile } from './files/json-file.js';
import { type ImportOptions, importDecoder } from './import-decoder.js';
import { importEmbedder } from './import-embedder.js';
import { isModelId } from './model-id.js';

export { type PullProgress, pullModel } from './pull.js';

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
