import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { EmbedderManifest, ModelManifest, NerManifest } from '../contracts/model-manifest.js';
import { AppError } from '../errors/app-error.js';

/** Raised when what was imported before would not serve, or serve worse: it is then imported again. */
export const IMPORTER_VERSION = 3;

/** The last file that an import writes: a folder without one is unfinished. */
export const MANIFEST = 'manifest.json';

export type AnyManifest = ModelManifest | EmbedderManifest | NerManifest;

const FORMATS: readonly AnyManifest['format'][] = ['switchyard-decoder-2', 'switchyard-embedder-3', 'switchyard-ner-1'];

/** The manifest of an imported model, or null where there is none that this version can use. */
export async function readManifest(folder: string): Promise<AnyManifest | null> {
  const manifest = await readAny(folder).catch(() => null);
  return manifest?.importer.version === IMPORTER_VERSION && FORMATS.includes(manifest.format) ? manifest : null;
}

/** The manifest of a base model that is to be opened. @throws AppError `model_unavailable` with what to do about it */
export function readBaseManifest(folder: string): Promise<ModelManifest> {
  return readToOpen(folder, 'switchyard-decoder-2');
}

/** The manifest of an embedding model that is to be opened. @throws AppError `model_unavailable` with what to do about it */
export function readEmbedderManifest(folder: string): Promise<EmbedderManifest> {
  return readToOpen(folder, 'switchyard-embedder-3');
}

/** The manifest of a model that finds names. @throws AppError `model_unavailable` with what to do about it */
export function readNerManifest(folder: string): Promise<NerManifest> {
  return readToOpen(folder, 'switchyard-ner-1');
}

async function readAny(folder: string): Promise<AnyManifest> {
  return JSON.parse(await readFile(path.join(folder, MANIFEST), 'utf8')) as AnyManifest;
}

/** Packed bytes of another version would be read as something else by the kernels of this one. */
async function readToOpen<F extends AnyManifest['format']>(
  folder: string,
  format: F,
): Promise<Extract<AnyManifest, { format: F }>> {
  const model = path.basename(folder);
  const unavailable = (reason: string, cause?: unknown) =>
    new AppError('model_unavailable', { model, reason }, { cause });
  const manifest = await readAny(folder).catch((error: unknown) => {
    throw unavailable('it is not imported; run "switchyard models pull", or import it', error);
  });
  const { importer } = manifest;
  if (importer?.version !== IMPORTER_VERSION) {
    const versions = `version ${importer?.version} of the importer, and this is version ${IMPORTER_VERSION}`;
    throw unavailable(`it was imported by ${versions}; run "switchyard models pull", or import it again`);
  }
  if (manifest.format !== format) throw unavailable(`its format is ${manifest.format}, not ${format}`);
  return manifest as Extract<AnyManifest, { format: F }>;
}
