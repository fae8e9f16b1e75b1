/** Backups on a schedule, each in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/schema.js';
import type { Clock } from '../contracts/clock.js';
import { AppError, type ErrorMessage } from '../errors/app-error.js';
import type { BackupTask } from './run-scheduled.js';
import { seriesOf, timeOf } from './series.js';

/** Empty where all went well. */
export interface BackupResult {
  readonly error?: ErrorMessage;
  /** What was not foreseen, with its stack. */
  readonly failure?: string;
}

interface Options {
  readonly dataDir: string;
  readonly databases: readonly string[];
  readonly settings: Config['backup'];
  readonly clock: Pick<Clock, 'now'>;
  /** @param atMs of the newest one that is whole, here and in the store; null: there is none */
  readonly onKnown: (atMs: number | null) => void;
  readonly onEnd: (outcome: 'completed' | 'failed', error: unknown) => void;
}

const MAIN = fileURLToPath(new URL(`process/main${extname(import.meta.url)}`, import.meta.url));
const MINUTE_MS = 60_000;
/** By the clock of the wall, looked at often: neither a sleeping machine nor a clock that is set loses a backup. */
const LOOK_EVERY_MS = 30_000;
/** One that failed is tried again before its time, but not at once. */
const RETRY_AFTER_MS = 10 * MINUTE_MS;

/** The first one at once, where the newest is older than the pause between two; the last one that runs is broken off at a stop. */
export function keepBackups(options: Options): { close(): Promise<void> } {
  const { settings, clock, onKnown, onEnd } = options;
  const everyMs = settings.everyMinutes * MINUTE_MS;
  let dueMs: number | null = null;
  let running: { readonly child: ChildProcess; readonly ended: Promise<void> } | null = null;
  let isClosed = false;

  const known = async () => {
    const newest = seriesOf(await readdir(settings.folder).catch(() => [])).at(-1);
    const atMs = newest === undefined ? null : timeOf(newest);
    onKnown(atMs);
    // One of the future was made before the clock was set back.
    dueMs = atMs === null ? clock.now() : Math.min(atMs, clock.now()) + everyMs;
  };
  const run = (): void => {
    const child = fork(MAIN, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const atMs = clock.now();
    const ended = resultOf(child, { ...options, atMs }).then(
      () => {
        dueMs = atMs + everyMs;
        onKnown(atMs);
        onEnd('completed', null);
      },
      (error) => {
        dueMs = clock.now() + Math.min(everyMs, RETRY_AFTER_MS);
        if (!isClosed) onEnd('failed', error);
      },
    );
    running = { child, ended: ended.finally(() => (running = null)) };
  };
  const look = () => {
    if (dueMs !== null && clock.now() >= dueMs && running === null && !isClosed) run();
  };
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  const started = known().then(look);
  return {
    async close() {
      isClosed = true;
      clearInterval(timer);
      await started;
      running?.child.kill('SIGKILL');
      await running?.ended;
    },
  };
}

function resultOf(
  child: ChildProcess,
  { dataDir, databases, settings, atMs }: Options & Pick<BackupTask, 'atMs'>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('message', ({ error, failure }: BackupResult) => {
      if (error) reject(AppError.fromMessage(error));
      else if (failure !== undefined) reject(new Error(failure));
      else resolve();
      child.disconnect();
    });
    child.once('error', reject);
    // Settled already where it answered.
    child.once('exit', (code, signal) =>
      reject(new Error(`the backup's process ended (${signal ?? `exit code ${code}`})`)),
    );
    child.send({ dataDir, databases, settings, atMs } satisfies BackupTask, () => {});
  });
}
