import { fork } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AppError } from '../../errors/app-error.js';

/** What the process is asked. */
export interface TokenizerTrial {
  readonly tokenizerJson: string;
  readonly configJson: string;
}
/** What it says, in this order: what it turns to, and `over` or what is wrong. */
export type TrialReport =
  | { readonly trying: 'tokenizer' | 'chat template' }
  | { readonly over: true }
  | { readonly problem: string };

export interface TrialLimits {
  /** For the tokenizer, and again for the template. */
  readonly ms: number;
  readonly heapMiB: number;
}

/** Half a million merges (Gemma's) take seconds and some 500 MiB; a loop or an expression without an end has no bound. */
const LIMITS: TrialLimits = { ms: 60_000, heapMiB: 1536 };
const MAIN = fileURLToPath(new URL(`process/main${path.extname(import.meta.url)}`, import.meta.url));
/** How V8 ends a process whose heap is full. */
const OUT_OF_HEAP = 'SIGABRT';

/**
 * Loads a tokenizer as a start does, and renders a chat, in a process that may be ended: what a start would fail of, or
 * answer nonsense with, is not imported.
 * @throws AppError `model_invalid` with the reason
 */
export async function tryTokenizer(
  trial: TokenizerTrial,
  invalid: (reason: string) => AppError,
  limits: TrialLimits = LIMITS,
): Promise<void> {
  const problem = await problemOf(trial, limits);
  if (problem !== null) throw invalid(problem);
}

function problemOf(trial: TokenizerTrial, { ms, heapMiB }: TrialLimits): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = fork(MAIN, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      execArgv: [...process.execArgv, `--max-old-space-size=${heapMiB}`],
    });
    let tried = '';
    let timer: NodeJS.Timeout | undefined;
    const settle = (how: string | null) => {
      clearTimeout(timer);
      if (child.connected) child.disconnect();
      resolve(how === null ? null : `its ${tried} cannot be used (${how})`);
    };
    child.on('message', (report: TrialReport) => {
      if ('problem' in report) return settle(report.problem);
      if ('over' in report) return settle(null);
      tried = report.trying;
      clearTimeout(timer);
      timer = setTimeout(() => {
        child.kill('SIGKILL');
        settle(`it takes more than ${ms / 1000} s`);
      }, ms);
    });
    child.once('error', reject);
    // Settled already where it answered.
    child.once('exit', (code, signal) => {
      if (signal === OUT_OF_HEAP) settle(`it takes more than ${heapMiB} MiB of memory`);
      else settle(`it ended the process that tried it, ${signal ?? `exit code ${code}`}`);
    });
    child.send(trial, () => {});
  });
}
