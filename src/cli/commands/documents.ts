import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { Argument, type Command } from 'commander';
import { type Api, ApiFailure, tenantApi } from '../api.js';
import { trackedBelow, type Upload, uploadsBelow } from '../documents/folder.js';
import { deleteFile, listStoreFiles, planSync, readLocal, SYNCED, type SyncPlan, skip } from '../documents/sync.js';
import { type AttachOptions, ingested, isRefusal, type Outcome, upload } from '../documents/upload.js';
import { show } from '../show.js';
import { findStore, storeOption, storeUrl } from '../store.js';
import { progressLine, type Terminal } from '../terminal.js';
import { addAllow } from './allow.js';
import { addEmbedder } from './embedder.js';

/** As the gateway calls them; everything else is a path. */
const FILE_ID = /^file-[0-9a-f]{24}$/;

/** The API's answer to a purge. */
interface PurgeReport {
  readonly files: number;
  readonly pieces: number;
  readonly searched_files: number;
  readonly searched_bytes: number;
  readonly found: readonly string[];
}

interface AddOptions {
  readonly store?: string;
  readonly groups?: readonly string[];
}

interface SyncOptions extends AddOptions {
  readonly prefix: string;
  readonly dryRun?: boolean;
}

export function addDocuments(program: Command, terminal: Terminal): void {
  const documents = program
    .command('documents')
    .description("upload a tenant's documents, keep them up to date, and say who may find them");
  addAllow(documents, terminal);
  addEmbedder(documents, terminal);

  documents
    .command('add')
    .description(
      "upload files and whole folders to a vector store, with the tenant's key, and wait until they are searchable; a document takes the place of the one of its name",
    )
    .addArgument(new Argument('<path...>', 'files or folders'))
    .addOption(storeOption())
    .option(
      '--groups <group...>',
      'only callers of one of these groups find them; left out: who found those of their names, else everybody',
    )
    .action(async (paths: readonly string[], { store, groups }: AddOptions, command: Command) => {
      const uploads = paths.flatMap((named) => uploadsOf(command, named));
      const api = tenantApi(command);
      const outcomes = await addAll(api, await storeUrl(api, store), uploads, { terminal, groups });
      const completed = outcomes.filter(({ status }) => status === 'completed').length;
      terminal.err(`${completed} of ${uploads.length} documents are searchable.\n`);
      showOutcomes(terminal, command, outcomes);
      if (completed < uploads.length) throw new ApiFailure(null, 'Some documents were not added; the list says why.');
    });

  documents
    .command('sync <folder>')
    .description(
      'make a vector store hold what a folder does: add what is new, replace what has changed, remove what is gone (of what was synced before)',
    )
    .addOption(storeOption())
    .option(
      '--groups <group...>',
      'only callers of one of these groups find what is added or replaced; left out: as with add',
    )
    .option('--prefix <path>', 'before the names of the documents, where several folders share a store', '')
    .option('--dry-run', 'only tell what would be done')
    .action(async (folder: string, { store, groups, prefix, dryRun }: SyncOptions, command: Command) => {
      if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) command.error(`error: ${folder} is no folder`);
      const found = trackedBelow(folder).map(({ name, file }) => ({ name: prefix + name, file }));
      const { documents: local, skipped } = readLocal(found);
      const api = tenantApi(command);
      const url = dryRun ? await findStore(api, store) : await storeUrl(api, store);
      const plan = planSync(local, url === null ? [] : await listStoreFiles(api, url), prefix);
      // Most likely something is not mounted, or the wrong folder was named.
      if (local.length === 0 && plan.remove.length > 0) {
        command.error(
          `error: ${folder} holds no documents, and all ${plan.remove.length} of the store would be removed`,
        );
      }
      const done = dryRun || url === null ? planned(plan) : await carryOut(api, url, plan, { terminal, groups });
      const outcomes = [...done, ...skipped];
      terminal.err(`${dryRun ? 'Nothing is done. ' : ''}${summary(outcomes, plan.unchanged)}\n`);
      showOutcomes(terminal, command, outcomes);
      if (outcomes.some(({ status }) => status === 'failed' || status === 'cancelled')) {
        throw new ApiFailure(null, 'Some documents could not be read; the list says why.');
      }
    });

  documents
    .command('purge <document...>')
    .description(
      'delete documents for good, by file id or by path in the store, and look for what is left of them in all of the data folder',
    )
    .addOption(storeOption())
    .action(async (named: readonly string[], { store }: { store?: string }, command: Command) => {
      const api = tenantApi(command);
      const ids = await fileIds(api, named, store);
      const report = await api.send<PurgeReport>('POST', '/v1/files/purge', { file_ids: ids });
      const { files, pieces, searched_files: searchedFiles, searched_bytes: bytes, found } = report;
      show(terminal, command, report, [{ files, pieces, searched_files: searchedFiles, searched_bytes: bytes }]);
      if (found.length > 0) {
        const where = found.join(', ');
        throw new ApiFailure(null, `Something is left of them in the data folder: ${where}. Remove these copies.`);
      }
    });
}

/** @throws ApiFailure where the store has no such document */
async function fileIds(api: Api, named: readonly string[], store: string | undefined): Promise<string[]> {
  const paths = named.filter((name) => !FILE_ID.test(name));
  if (paths.length === 0) return [...named];
  const held = await listStoreFiles(api, await storeUrl(api, store));
  return named.flatMap((name) => {
    if (FILE_ID.test(name)) return [name];
    const ids = held.filter(({ path }) => path === name).map(({ id }) => id);
    if (ids.length === 0) throw new ApiFailure(null, `The vector store has no document ${name}.`);
    return ids;
  });
}

/** What is gone goes last: a document that was renamed is found under one name at least. */
async function carryOut(api: Api, url: string, plan: SyncPlan, options: UploadOptions): Promise<Outcome[]> {
  const added = await addAll(api, url, plan.add, { ...options, attributes: SYNCED, done: 'added' });
  const replaced = await addAll(api, url, plan.replace, { ...options, attributes: SYNCED, done: 'replaced' });
  for (const { id } of plan.remove) await deleteFile(api, id);
  const asSkipped = (outcome: Outcome) =>
    outcome.status === 'refused' ? skip(outcome.document, outcome.reason ?? '') : outcome;
  return [...[...added, ...replaced].map(asSkipped), ...plan.remove.map(({ name }) => outcomeOf(name, 'removed'))];
}

function planned({ add, replace, remove }: SyncPlan): Outcome[] {
  return [
    ...add.map(({ name }) => outcomeOf(name, 'added')),
    ...replace.map(({ name }) => outcomeOf(name, 'replaced')),
    ...remove.map(({ name }) => outcomeOf(name, 'removed')),
  ];
}

function summary(outcomes: readonly Outcome[], unchanged: number): string {
  const counts = ['added', 'replaced', 'removed', 'skipped', 'failed'].map(
    (wanted) => `${outcomes.filter(({ status }) => status === wanted).length} ${wanted}`,
  );
  return `${counts.join(', ')}, ${unchanged} unchanged.`;
}

interface UploadOptions extends AttachOptions {
  readonly terminal: Terminal;
  /** What a document is called that can be searched. */
  readonly done?: string;
}

/** Uploads documents, and waits until they are read. */
async function addAll(
  api: Api,
  url: string,
  uploads: readonly Upload[],
  { terminal, done = 'completed', ...how }: UploadOptions,
): Promise<Outcome[]> {
  const progress = progressLine(terminal);
  const outcomes: Outcome[] = [];
  const attached: { readonly id: string; readonly name: string }[] = [];
  for (const [index, document] of uploads.entries()) {
    progress.update('Uploading', `${index + 1} of ${uploads.length}: ${document.name}`);
    try {
      attached.push({ id: await upload(api, url, document, how), name: document.name });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      outcomes.push(outcomeOf(document.name, 'refused', error.message));
    }
  }
  for (const [index, { id, name }] of attached.entries()) {
    progress.update('Waiting for', `${index + 1} of ${attached.length}: ${name}`);
    const { status, passages, last_error: error } = await ingested(api, url, id);
    const isDone = status === 'completed';
    outcomes.push({ ...outcomeOf(name, isDone ? done : status, error?.message), passages, id });
  }
  progress.clear();
  return outcomes;
}

function outcomeOf(document: string, status: string, reason: string | null = null): Outcome {
  return { document, status, passages: null, reason, id: null };
}

function showOutcomes(terminal: Terminal, command: Command, outcomes: readonly Outcome[]): void {
  show(
    terminal,
    command,
    outcomes,
    outcomes.map((outcome) => ({ ...outcome })),
  );
}

/** A file by its name; below a folder every file that is wanted. */
function uploadsOf(command: Command, named: string): Upload[] {
  const stat = statSync(named, { throwIfNoEntry: false });
  if (!stat) command.error(`error: ${named} does not exist`);
  if (stat.isFile()) return [{ name: basename(named), file: named }];
  if (!stat.isDirectory()) command.error(`error: ${named} is neither a file nor a folder`);
  return uploadsBelow(named);
}
