import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { oneBehind } from '../queues/one-behind.js';
import type { AdapterFiles } from './adapter-files.js';
import type { Database } from './tables/tables.js';

export interface AdaptersAhead {
  /** Something changed: whatever deployments answer with now is fetched behind it. Never throws. */
  look(): void;
  close(): Promise<void>;
}

interface Options {
  readonly db: Database;
  readonly files: Pick<AdapterFiles, 'fetch'>;
  /** Of the adapters that are fetched ahead, those of the deployments that changed last. */
  readonly mostBytes: number;
  readonly onError: (error: unknown, what: string) => void;
}

/** Deployments are changed more often than adapters come. */
const PAUSE_MS = 500;
const RETRY_MS = 5000;
const MOST_VERSIONS = 1000;

/**
 * Fetches what deployments answer with before it is asked for, one adapter after the other: whoever has it answers on while the others'
 * store is away.
 */
export function createAdaptersAhead({ db, files, mostBytes, onError }: Options): AdaptersAhead {
  const closing = new AbortController();
  const { signal } = closing;
  let retry: NodeJS.Timeout | undefined;
  let said = '';

  async function fetchAll(): Promise<void> {
    clearTimeout(retry);
    let failed: unknown = null;
    for (const file of within(await servedFiles(db), mostBytes)) {
      if (signal.aborted) return;
      await files.fetch(file).catch((error) => {
        failed ??= error;
      });
    }
    say(failed);
    await sleep(PAUSE_MS, undefined, { signal, ref: false }).catch(() => {});
  }

  /** Once, however often it is tried again. */
  function say(failed: unknown): void {
    const message = failed === null ? '' : (failed as Error).message;
    if (failed !== null && message !== said) onError(failed, 'adapters that are fetched ahead');
    said = message;
    if (failed !== null && !signal.aborted) retry = setTimeout(look, RETRY_MS).unref();
  }

  const fetching = oneBehind(fetchAll);
  function look(): void {
    if (!signal.aborted) fetching.run().catch(say);
  }

  return {
    look,
    async close() {
      closing.abort();
      clearTimeout(retry);
      await fetching.settled();
    },
  };
}

interface AdapterFile {
  readonly compiledFile: string;
  readonly bytes: number;
}

/** Of the versions that are stable, canary or in an experiment, those of the deployment that changed last first. */
function servedFiles(db: Database): Promise<AdapterFile[]> {
  const isArm = sql<boolean>`exists (
    select 1 from json_each(deployments.experiment, '$.arms') where json_extract(value, '$.version') = adapters.version
  )`;
  return db
    .selectFrom('deployments')
    .innerJoin('adapters', (join) =>
      join.onRef('adapters.tenant', '=', 'deployments.tenant').onRef('adapters.name', '=', 'deployments.adapter'),
    )
    .where((eb) =>
      eb.or([
        eb('adapters.version', '=', eb.ref('deployments.stableVersion')),
        eb('adapters.version', '=', eb.ref('deployments.canaryVersion')),
        isArm,
      ]),
    )
    .select(['adapters.compiledFile', 'adapters.bytes'])
    .orderBy('deployments.updatedAt', 'desc')
    .limit(MOST_VERSIONS)
    .execute();
}

/** Each once, as long as all together are no more than that. */
export function within(files: readonly AdapterFile[], mostBytes: number): string[] {
  const taken = new Set<string>();
  let left = mostBytes;
  for (const { compiledFile, bytes } of files) {
    if (taken.has(compiledFile) || bytes > left) continue;
    taken.add(compiledFile);
    left -= bytes;
  }
  return [...taken];
}
