import { fork } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WantedModel } from '../contracts/model-imports.js';
import { AppError, type ErrorMessage } from '../errors/app-error.js';
import type { PullProgress } from './pull.js';

/** What the process is asked, and what it says. */
export interface PullTask extends WantedModel {
  /** Absolute. */
  readonly dataDir: string;
  /** null: none. */
  readonly sourceDir: string | null;
}
export type PullMessage =
  | { readonly progress: PullProgress }
  /** Its id. */
  | { readonly imported: string }
  | { readonly error: ErrorMessage }
  /** What was not foreseen, with its stack. */
  | { readonly failure: string };

export type PullApart = (
  task: PullTask,
  onProgress: (progress: PullProgress) => void,
  signal: AbortSignal,
) => Promise<string>;

const MAIN = fileURLToPath(new URL(`process/main${path.extname(import.meta.url)}`, import.meta.url));

/**
 * Fetches and imports a model in a process of its own: an import takes its thread for minutes, and memory that is gone with it.
 * Settles when the process is gone, so that nobody else writes there. @returns the model's id
 * @throws the signal's reason, and what `pullModel` and `pullFromHub` throw
 */
export const pullApart: PullApart = (task, onProgress, signal) =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = fork(MAIN, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    let result: Exclude<PullMessage, { progress: PullProgress }> | null = null;
    const stop = () => child.kill('SIGKILL');
    signal.addEventListener('abort', stop, { once: true });
    child.on('message', (message: PullMessage) => {
      if ('progress' in message) return onProgress(message.progress);
      result = message;
      child.disconnect();
    });
    child.once('error', reject);
    child.once('exit', (code, killedBy) => {
      signal.removeEventListener('abort', stop);
      if (result !== null && 'imported' in result) resolve(result.imported);
      else if (signal.aborted) reject(signal.reason);
      else if (result === null) reject(new Error(`the import ended (${killedBy ?? `exit code ${code}`})`));
      else reject('error' in result ? AppError.fromMessage(result.error) : new Error(result.failure));
    });
    child.send(task, () => {});
  });
