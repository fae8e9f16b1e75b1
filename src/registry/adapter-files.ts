import { readdir, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { CompiledAdapter } from '../contracts/adapter.js';
import type { Database } from './tables/tables.js';

/** Files of adapters, by digest: several versions, also of several tenants, may have the same ones. */
export interface AdapterFiles {
  /** Compiles, and keeps what was compiled by naming it; meanwhile nothing is collected. */
  keeping<T>(compile: () => Promise<CompiledAdapter>, name: (compiled: CompiledAdapter) => Promise<T>): Promise<T>;
  /** Brings those of a version here, where another gateway made them. */
  fetch(compiledFile: string): Promise<void>;
  /** Removes those that no version names. @returns how many adapters they were of */
  collect(): Promise<number>;
}

/** How a folder is called while it is fetched; what a crash left of it goes when it is fetched again. */
export const INCOMING = '.incoming';

/** Where several gateways have them. Folders are named from the data folder. */
export interface SharedFiles {
  /** Puts a folder there, unless it is there. */
  put(folder: string): Promise<void>;
  /** Writes a folder, unless it is here. */
  get(folder: string): Promise<void>;
}

interface Options {
  readonly db: Database;
  readonly dataDir: string;
  /** null: no other gateway has them. */
  readonly shared: SharedFiles | null;
}

export function createAdapterFiles({ db, dataDir, shared }: Options): AdapterFiles {
  const folder = join(dataDir, 'adapters');
  /** A collection between the compiling of an adapter and its row would take its files away. */
  let last: Promise<unknown> = Promise.resolve();
  function alone<T>(job: () => Promise<T>): Promise<T> {
    const done = last.then(job);
    last = done.catch(() => {});
    return done;
  }

  return {
    keeping: (compile, name) =>
      alone(async () => {
        const compiled = await compile();
        await shared?.put(dirname(relative(dataDir, compiled.compiledFile)));
        return name(compiled);
      }),

    fetch: async (compiledFile) => shared?.get(dirname(compiledFile)),

    collect: () =>
      alone(async () => {
        const rows = await db.selectFrom('adapters').select('compiledFile').distinct().execute();
        const named = new Set(rows.map(({ compiledFile }) => join(dataDir, dirname(compiledFile))));
        const there = await readdir(folder).catch(() => []);
        const unnamed = there
          .map((name) => join(folder, name))
          .filter((path) => !named.has(path) && !path.endsWith(INCOMING));
        for (const path of unnamed) await rm(path, { recursive: true, force: true });
        return unnamed.length;
      }),
  };
}
