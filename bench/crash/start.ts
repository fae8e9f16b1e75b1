import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.js';
import type { createRetrieval as Create } from '../../src/retrieval/client.js';
import type { CrashOptions } from './run.js';

/** The retrieval process as it is shipped: what is built starts in half of the time, and lives are short here. */
export async function shippedRetrieval(onError: (line: string) => void): Promise<CrashOptions['start']> {
  const built = new URL('../../dist/retrieval/client.js', import.meta.url).href;
  const { createRetrieval } = (await import(built)) as { createRetrieval: typeof Create };
  const { dataDir, database, models, retrieval } = loadConfig();
  return (folder, exactSearchLimit) =>
    createRetrieval({
      dataDir: folder,
      modelDir: join(dataDir, 'models', models.embedder),
      baseModelDir: join(dataDir, 'models', models.base),
      database,
      // Enough candidates for an index of this size to miss nothing.
      config: { ...retrieval, exactSearchLimit, efSearch: 400 },
      callTimeoutMs: 60_000,
      hangTimeoutMs: 30_000,
      clock: { now: Date.now, monotonicMs: () => performance.now() },
      log: { warn: () => {}, error: (fields, message) => onError(`${message} ${JSON.stringify(fields)}`) },
    });
}
