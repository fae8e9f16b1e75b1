import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { type Api, ApiFailure, path, tenantApi } from '../api.js';
import { show } from '../show.js';
import { findStore, storeOption, storeUrl } from '../store.js';
import { progressLine, type Terminal } from '../terminal.js';

/** The parts of the API's vector stores that are read here. */
interface Store {
  readonly id: string;
  readonly embedder: string;
  readonly reembedding: { readonly embedder: string; readonly job_id: string; readonly status: string } | null;
}

interface Job {
  readonly progress: number;
  readonly status: string;
  readonly last_error: { readonly message: string } | null;
}

interface EmbedderOptions {
  readonly store?: string;
  readonly wait: boolean;
}

const POLL_MS = 500;

export function addEmbedder(documents: Command, terminal: Terminal): void {
  documents
    .command('embedder [model]')
    .description(
      "show which embedding model a vector store's vectors are of, or have those of another one made from the passages that are there; those of before answer meanwhile",
    )
    .addOption(storeOption())
    .option('--no-wait', 'do not wait until they are made')
    .action(async (model: string | undefined, { store, wait }: EmbedderOptions, command: Command) => {
      const api = tenantApi(command);
      const url = model === undefined ? await findStore(api, store) : await storeUrl(api, store);
      if (url === null) throw new ApiFailure(null, 'The tenant has no vector store yet.');
      let found =
        model === undefined ? await api.get<Store>(url) : await api.send<Store>('POST', url, { embedder: model });
      if (model !== undefined && wait && found.reembedding) {
        await made(api, found.reembedding.job_id, terminal);
        found = await api.get<Store>(url);
      }
      const { id, embedder, reembedding } = found;
      const row = { id, embedder, next: reembedding?.embedder ?? null, job: reembedding?.job_id ?? null };
      show(terminal, command, found, [row]);
    });
}

/** @throws ApiFailure where the vectors could not be made, or somebody called it off */
async function made(api: Api, jobId: string, terminal: Terminal): Promise<void> {
  const line = progressLine(terminal);
  for (;;) {
    const { status, progress, last_error: error } = await api.get<Job>(path`/v1/jobs/${jobId}`);
    if (status === 'completed') return line.end('The vectors are made.');
    if (status !== 'queued' && status !== 'running') {
      line.clear();
      throw new ApiFailure(null, `The vectors of before stay: ${error?.message ?? `the job was ${status}`}`);
    }
    line.update('Vectors are made', `${Math.floor(progress * 100)} %`);
    await sleep(POLL_MS);
  }
}
