import { fork } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AdapterCompiler, CompiledAdapter } from '../../contracts/adapter.js';
import { AppError, type ErrorMessage } from '../../errors/app-error.js';
import type { AdapterCompilerOptions } from './compiler.js';

/** What the process is asked, and what it answers. */
export interface CompileTask {
  readonly options: AdapterCompilerOptions;
  readonly folder: string;
  readonly anyBase: boolean;
}
export type CompileResult =
  | { readonly compiled: CompiledAdapter }
  | { readonly error: ErrorMessage }
  /** What was not foreseen, with its stack. */
  | { readonly failure: string };

const MAIN = fileURLToPath(new URL(`process/main${path.extname(import.meta.url)}`, import.meta.url));

/**
 * The compiler in a process of its own, started for each adapter: reading, packing and hashing one takes its thread some
 * hundred milliseconds. One at a time.
 */
export function createSeparateCompiler(options: AdapterCompilerOptions): AdapterCompiler {
  let last: Promise<unknown> = Promise.resolve();
  return {
    compile(folder, anyBase = false) {
      const compiled = last.then(() => compileApart({ options, folder, anyBase }));
      last = compiled.catch(() => {});
      return compiled;
    },
  };
}

function compileApart(task: CompileTask): Promise<CompiledAdapter> {
  return new Promise((resolve, reject) => {
    const child = fork(MAIN, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    child.once('message', (result: CompileResult) => {
      if ('compiled' in result) resolve(result.compiled);
      else reject('error' in result ? AppError.fromMessage(result.error) : new Error(result.failure));
      child.disconnect();
    });
    child.once('error', reject);
    // Settled already where it answered.
    child.once('exit', (code, signal) => reject(new Error(`the compiler ended (${signal ?? `exit code ${code}`})`)));
    child.send(task, () => {});
  });
}
