import { downloadFile } from '@huggingface/hub';
import type { ModelSource, PinnedFile } from '../catalog.js';
import { partialBytes, type Reception, receiveFile } from './receive.js';

/** An unreachable Hub has to be noticed while somebody waits for the next source. */
const ANSWER_TIMEOUT_MS = 5000;
/** Silence within a body after which it is given up. */
const STALL_TIMEOUT_MS = 30_000;

type HubSource = Extract<ModelSource, { kind: 'hub' }>;

/**
 * Downloads files from one commit of a repository; a broken-off download goes on where it stopped.
 * @throws Error when the Hub does not answer or lacks a file; AppError `model_hash_mismatch`
 */
export async function fetchFromHub(
  source: HubSource,
  files: readonly PinnedFile[],
  reception: Reception,
  fetchImplementation: typeof fetch = fetch,
): Promise<void> {
  let done = 0;
  for (const file of files) {
    const before = done;
    const blob = await downloadFile({
      repo: source.repo,
      revision: source.revision,
      path: source.paths[file.name]!,
      fetch: answeringFetch(fetchImplementation, reception.signal),
      xet: false,
    });
    if (!blob) throw new Error(`${file.name} is not in ${source.repo} at ${source.revision}`);
    const offset = await partialBytes(reception.folder, file);
    const rest = offset > 0 ? blob.slice(offset) : blob;
    await receiveFile(chunksOf(rest), file, offset, {
      ...reception,
      onBytes: (bytes) => reception.onBytes(before + bytes),
    });
    done += file.bytes;
  }
}

function answeringFetch(implementation: typeof fetch, signal: AbortSignal): typeof fetch {
  return async (input, init) => {
    const silent = new AbortController();
    const timer = setTimeout(
      () => silent.abort(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)),
      ANSWER_TIMEOUT_MS,
    );
    try {
      return await implementation(input, { ...init, signal: AbortSignal.any([signal, silent.signal]) });
    } finally {
      clearTimeout(timer);
    }
  };
}

async function* chunksOf(blob: Blob): AsyncGenerator<Uint8Array> {
  const reader = (blob.stream() as ReadableStream<Uint8Array>).getReader();
  try {
    for (;;) {
      const { done, value } = await withDeadline(reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function withDeadline<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`silent for ${STALL_TIMEOUT_MS / 1000} s`)), STALL_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, stalled]);
  } finally {
    clearTimeout(timer);
  }
}
