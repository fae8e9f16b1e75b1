import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { downloadFile, type ListFileEntry, listFiles } from '@huggingface/hub';
import { AppError } from '../errors/app-error.js';
import { makeFolder } from '../files/make-folder.js';
import type { AnyManifest } from '../layouts/manifest.js';
import type { PinnedFile } from './catalog.js';
import { partsOfModel } from './gguf/split.js';
import { isModelId } from './model-id.js';
import { importModel } from './models.js';
import type { PullOptions, PullProgress } from './pull.js';
import { requireDisk } from './room.js';
import { fetchFiles } from './sources/fetch-files.js';

const REVISION = 'main';
/** Of a file that the Hub keeps beside its large ones: configurations, tokenizers. */
const MAX_SMALL_BYTES = 64 << 20;
/** What of a folder with safetensors is read. */
const FOLDER_FILES = new Set([
  ...['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'],
  'model.safetensors.index.json',
]);

/** `hub:owner/name`, and behind a colon the file that is wanted of several. */
const REFERENCE = /^hub:([\w.-]+\/[\w.-]+)(?::(.+))?$/;

/**
 * Downloads a GGUF model, with all its parts, or a folder with safetensors from the Hugging Face Hub, and imports it. Large
 * files are held against the hashes that the Hub lists, small ones against theirs of git.
 * @param reference `hub:owner/name[:file]`; the file may be left out where the repository has one model
 * @throws AppError `invalid_value` for a reference that names no model or several, `model_too_large`, `model_unavailable`,
 *   `model_hash_mismatch`, `model_invalid`
 */
export async function pullFromHub(
  reference: string,
  id: string | undefined,
  dataDir: string,
  onProgress: (progress: PullProgress) => void = () => undefined,
  { sourceDir = null, signal = new AbortController().signal }: PullOptions = {},
): Promise<AnyManifest> {
  const [, repo, file] = REFERENCE.exec(reference) ?? [];
  if (repo === undefined) throw unclear(`${reference} is not of the form hub:owner/name or hub:owner/name:file`);
  const listed = await listRepository(repo);
  const chosen = chooseFiles(repo, listed, file);
  const name = path.posix.basename(chosen[0]!.path);
  const isGguf = name.toLowerCase().endsWith('.gguf');
  const modelId = id ?? (isGguf ? name.replace(/(-\d{5}-of-\d{5})?\.gguf$/i, '') : repo.split('/')[1]!).toLowerCase();
  if (!isModelId(modelId)) throw unclear(`${modelId} cannot be an id; name another one with --id`);

  const bytesTotal = chosen.reduce((sum, { size }) => sum + size, 0);
  const downloads = path.join(dataDir, 'downloads', modelId);
  await makeFolder(downloads);
  await requireDisk(modelId, downloads, bytesTotal);
  const files: PinnedFile[] = [];
  for (const entry of chosen) files.push(await pin(repo, entry));
  const paths = Object.fromEntries(chosen.map((entry) => [path.posix.basename(entry.path), entry.path]));
  const wanted = { id: modelId, files, sources: [{ kind: 'hub', repo, revision: REVISION, paths }] } as const;
  const report = (stage: PullProgress['stage'], detail: string, bytesDone: number) =>
    onProgress({ model: modelId, stage, detail, bytesDone, bytesTotal });
  await fetchFiles(wanted, downloads, sourceDir, signal, (detail, bytes) => report('download', detail, bytes));
  report('import', `importing ${modelId}`, bytesTotal);
  const manifest = await importModel(isGguf ? path.join(downloads, name) : downloads, dataDir, {
    id: modelId,
    names: [repo],
  });
  await rm(downloads, { recursive: true, force: true });
  return manifest;
}

async function listRepository(repo: string): Promise<ListFileEntry[]> {
  const entries: ListFileEntry[] = [];
  try {
    for await (const entry of listFiles({ repo, revision: REVISION, recursive: true, fetch })) {
      if (entry.type === 'file') entries.push(entry);
    }
  } catch (cause) {
    const reason = `the Hugging Face Hub does not list it (${String((cause as Error).message)})`;
    throw new AppError('model_unavailable', { model: `hub:${repo}`, reason }, { cause });
  }
  return entries;
}

/** The parts of one GGUF model in their order, or what a folder with safetensors consists of. */
function chooseFiles(repo: string, listed: readonly ListFileEntry[], file: string | undefined): ListFileEntry[] {
  const models = listed.filter(({ path: name }) => name.toLowerCase().endsWith('.gguf') && isFirstPart(name));
  const named = file === undefined ? models : listed.filter((entry) => entry.path === file);
  const offer = models.length > 0 ? ` It has ${models.map((entry) => entry.path).join(', ')}.` : '';
  if (file !== undefined && named.length === 0) throw unclear(`${repo} has no file ${file}.${offer}`);
  if (named.length > 1) throw unclear(`${repo} has several models; name one as hub:${repo}:FILE.${offer}`);
  const [model] = named;
  if (model?.path.toLowerCase().endsWith('.gguf')) {
    const folder = path.posix.dirname(model.path);
    const parts = partsOfModel(path.posix.basename(model.path)).map((part) => path.posix.join(folder, part));
    const found = parts.map((part) => listed.find((entry) => entry.path === part));
    const missing = parts.find((_, i) => found[i] === undefined);
    if (missing) throw unclear(`${repo} lacks the part ${missing}`);
    return found as ListFileEntry[];
  }
  const folder = listed.filter(({ path: name }) => FOLDER_FILES.has(name) || /^[\w.-]+\.safetensors$/.test(name));
  if (file === undefined && folder.some(({ path: name }) => name.endsWith('.safetensors'))) return folder;
  throw unclear(`${repo} has neither a GGUF file nor safetensors`);
}

function isFirstPart(name: string): boolean {
  return partsOfModel(name)[0] === name;
}

/** The hash of a large file is in the list; a small one is fetched for it, and held against git's. */
async function pin(repo: string, { path: name, size, lfs, oid }: ListFileEntry): Promise<PinnedFile> {
  const pinned = { name: path.posix.basename(name), bytes: size };
  if (lfs) return { ...pinned, sha256: lfs.oid };
  if (size > MAX_SMALL_BYTES) throw unclear(`${name} of ${repo} has ${size} bytes and no SHA-256`);
  const blob = await downloadFile({ repo, revision: REVISION, path: name, fetch, xet: false });
  const content = blob ? Buffer.from(await blob.arrayBuffer()) : Buffer.alloc(0);
  const actual = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
  if (actual !== oid) throw new AppError('model_hash_mismatch', { file: name, actual, expected: oid ?? 'none' });
  return { ...pinned, sha256: createHash('sha256').update(content).digest('hex') };
}

function unclear(reason: string): AppError {
  return new AppError('invalid_value', { param: 'model', reason });
}
