import { createHash } from 'node:crypto';
import { readRegularFile } from '../../files/regular-file.js';
import { type Api, ApiFailure } from '../api.js';
import type { Upload } from './folder.js';

const POLL_MS = 250;
/** How long a full queue is waited for. */
const PATIENCE_MS = 600_000;
const RETRY_AFTER_MS = 1000;

/** The parts of the API's vector store files that are read here. */
export interface StoreFile {
  readonly id: string;
  readonly status: 'in_progress' | 'completed' | 'failed' | 'cancelled';
  readonly passages: number;
  readonly path: string | null;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly last_error: { readonly message: string } | null;
}

/** What became of a document. */
export interface Outcome {
  readonly document: string;
  readonly status: string;
  readonly passages: number | null;
  readonly reason: string | null;
  /** Of the file, once there is one. */
  readonly id: string | null;
}

export interface AttachOptions {
  readonly attributes?: object;
  /** Who may find it; left out: who may find the one of its name, else everybody. */
  readonly groups?: readonly string[] | undefined;
}

export function digestOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * Uploads a document, in the place of the one of its name, and has it read. @returns the file's id
 * @throws ApiFailure; `isRefusal` tells one that is about this document alone
 */
export async function upload(
  api: Api,
  url: string,
  { name, file }: Upload,
  { attributes, groups }: AttachOptions = {},
): Promise<string> {
  const content = readRegularFile(file);
  const form = new FormData();
  form.append('purpose', 'assistants');
  form.append('file', new Blob([new Uint8Array(content)]), name);
  const { id } = await patiently(() => api.send<{ id: string }>('POST', '/v1/files', form));
  const attached = {
    file_id: id,
    path: name,
    attributes: { path: name, sha256: digestOf(content), ...attributes },
    allowed_groups: groups,
  };
  await patiently(() => api.send('POST', `${url}/files`, attached));
  return id;
}

/** A refused document says nothing about the next one; anything else would befall them all. */
export function isRefusal(error: unknown): error is ApiFailure {
  return error instanceof ApiFailure && [413, 415, 422].includes(error.status ?? 0);
}

/** Polls until the file is read. */
export async function ingested(api: Api, url: string, id: string): Promise<StoreFile> {
  for (;;) {
    const file = await api.get<StoreFile>(`${url}/files/${encodeURIComponent(id)}`);
    if (file.status !== 'in_progress') return file;
    await sleep(POLL_MS);
  }
}

/** Waits where too much waits already. */
async function patiently<T>(action: () => Promise<T>): Promise<T> {
  const endsAt = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.status !== 429 || Date.now() > endsAt) throw error;
      await sleep(RETRY_AFTER_MS);
    }
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
