import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Argument, type Command } from 'commander';
import { findFiles } from '../../files/find-files.js';
import { readRegularFile } from '../../files/regular-file.js';
import { type Api, ApiFailure, path, tenantApi } from '../api.js';
import { show } from '../show.js';
import { oldestStore, storeOption } from '../store.js';
import { progressLine, type Terminal } from '../terminal.js';
import { addAllow } from './allow.js';

const POLL_MS = 250;

interface Upload {
  /** As the store will call it: the path below the folder that was named. */
  readonly name: string;
  readonly file: string;
}

interface AddOptions {
  readonly store?: string;
  readonly groups?: readonly string[];
}

interface Outcome {
  readonly document: string;
  readonly status: string;
  readonly passages: number | null;
  readonly reason: string | null;
  /** Of the file. */
  readonly id: string | null;
}

/** The parts of the API's objects that are read here. */
interface StoreFile {
  readonly status: 'in_progress' | 'completed' | 'failed';
  readonly passages: number;
  readonly last_error: { readonly message: string } | null;
}

export function addDocuments(program: Command, terminal: Terminal): void {
  const documents = program.command('documents').description("upload a tenant's documents, and say who may find them");
  addAllow(documents, terminal);

  documents
    .command('add')
    .description(
      "upload files and whole folders to a vector store, with the tenant's key, and wait until they are searchable",
    )
    .addArgument(new Argument('<path...>', 'files or folders'))
    .addOption(storeOption())
    .option('--groups <group...>', 'only callers of one of these groups find them; everybody where left out')
    .action(async (paths: readonly string[], { store, groups }: AddOptions, command: Command) => {
      const uploads = paths.flatMap((named) => uploadsOf(command, named));
      const api = tenantApi(command);
      const storeId = store ?? (await oldestStore(api)) ?? (await createStore(api));
      const storeUrl = path`/v1/vector_stores/${storeId}`;
      const progress = progressLine(terminal);
      const outcomes: Outcome[] = [];
      const attached: { readonly id: string; readonly name: string }[] = [];

      for (const [index, upload] of uploads.entries()) {
        progress.update('Uploading', `${index + 1} of ${uploads.length}: ${upload.name}`);
        try {
          attached.push({ id: await attach(api, storeUrl, upload, groups), name: upload.name });
        } catch (error) {
          // A refused file says nothing about the next one; anything else would befall them all.
          if (!(error instanceof ApiFailure) || ![413, 415, 422].includes(error.status ?? 0)) throw error;
          outcomes.push({ document: upload.name, status: 'refused', passages: null, reason: error.message, id: null });
        }
      }
      for (const [index, { id, name }] of attached.entries()) {
        progress.update('Waiting for', `${index + 1} of ${attached.length}: ${name}`);
        const file = await ingested(api, `${storeUrl}/files/${encodeURIComponent(id)}`);
        const reason = file.last_error?.message ?? null;
        outcomes.push({ document: name, status: file.status, passages: file.passages, reason, id });
      }

      const completed = outcomes.filter(({ status }) => status === 'completed').length;
      progress.end(`${completed} of ${uploads.length} documents are searchable.`);
      show(
        terminal,
        command,
        outcomes,
        outcomes.map((outcome) => ({ ...outcome })),
      );
      if (completed < uploads.length) throw new ApiFailure(null, 'Some documents were not added; the list says why.');
    });
}

/** A file by its name; below a folder every file that is not hidden. */
function uploadsOf(command: Command, named: string): Upload[] {
  const stat = statSync(named, { throwIfNoEntry: false });
  if (!stat) command.error(`error: ${named} does not exist`);
  if (stat.isFile()) return [{ name: basename(named), file: named }];
  if (!stat.isDirectory()) command.error(`error: ${named} is neither a file nor a folder`);
  const isWanted = (name: string) => !name.startsWith('.') && name !== 'node_modules';
  return findFiles(named, isWanted).map((name) => ({ name, file: join(named, name) }));
}

async function createStore(api: Api): Promise<string> {
  return (await api.send<{ id: string }>('POST', '/v1/vector_stores', { name: 'Documents' })).id;
}

async function attach(
  api: Api,
  storeUrl: string,
  { name, file }: Upload,
  groups: readonly string[] | undefined,
): Promise<string> {
  const form = new FormData();
  form.append('purpose', 'assistants');
  form.append('file', new Blob([new Uint8Array(readRegularFile(file))]), name);
  const { id } = await api.send<{ id: string }>('POST', '/v1/files', form);
  await api.send('POST', `${storeUrl}/files`, { file_id: id, attributes: { path: name }, allowed_groups: groups });
  return id;
}

async function ingested(api: Api, url: string): Promise<StoreFile> {
  for (;;) {
    const file = await api.get<StoreFile>(url);
    if (file.status !== 'in_progress') return file;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
