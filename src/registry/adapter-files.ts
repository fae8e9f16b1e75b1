import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CompiledAdapter } from '../contracts/adapter.js';
import type { Database } from './database.js';

/** Files of adapters, by digest: several versions, also of several tenants, may have the same ones. */
export interface AdapterFiles {
  /** Compiles, and keeps what was compiled by naming it; meanwhile nothing is collected. */
  keeping<T>(compile: () => Promise<CompiledAdapter>, name: (compiled: CompiledAdapter) => Promise<T>): Promise<T>;
  /** Removes those that no version names. @returns how many adapters they were of */
  collect(): Promise<number>;
}

export function createAdapterFiles({ db, dataDir }: { db: Database; dataDir: string }): AdapterFiles {
  const folder = join(dataDir, 'adapters');
  /** A collection between the compiling of an adapter and its row would take its files away. */
  let last: Promise<unknown> = Promise.resolve();
  function alone<T>(job: () => Promise<T>): Promise<T> {
    const done = last.then(job);
    last = done.catch(() => {});
    return done;
  }

  return {
    keeping: (compile, name) => alone(async () => name(await compile())),

    collect: () =>
      alone(async () => {
        const rows = await db.selectFrom('adapters').select('compiledFile').distinct().execute();
        const named = new Set(rows.map(({ compiledFile }) => join(dataDir, dirname(compiledFile))));
        const there = await readdir(folder).catch(() => []);
        const unnamed = there.map((name) => join(folder, name)).filter((path) => !named.has(path));
        for (const path of unnamed) await rm(path, { recursive: true, force: true });
        return unnamed.length;
      }),
  };
}
