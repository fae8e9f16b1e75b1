import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../errors/app-error.js';
import type { FilePassage } from '../chunking/chunk-file.js';
import type { Precedence } from './encoder.js';
import type { FromParser, ParseJob, ParserOptions, ToParser } from './parser/protocol.js';
import { OUT_OF_MEMORY, OUT_OF_TIME } from './parser/watchdog.js';

/** @throws AppError `unsupported_file`, `document_too_complex` */
export type ParseFile = (
  job: ParseJob,
  how: { readonly precedence: Precedence; readonly signal: AbortSignal },
) => Promise<FilePassage[]>;

export interface Parsers {
  readonly parse: ParseFile;
  close(): void;
}

/** A parser without work gives its memory back after this long. */
const IDLE_MS = 10_000;
/** A parser watches its own processor time; one that has said nothing for this long is stuck. */
const STUCK_AFTER_MS = 1_800_000;
/** How V8 ends a process that reached its limit. */
const OUT_OF_HEAP = 'SIGABRT';
/** How a system without memory, or an operator, ends one: the file has no part in it, and is read again. */
const FROM_OUTSIDE = 'SIGKILL';
const RETRY_AFTER_S = 1;
const MiB = 2 ** 20;
/** Its garbage: threads that help would be four more that want a processor at once, for a fifth more work (decision 0120). */
const SINGLE_THREADED = '--single-threaded-gc';
const MAIN = fileURLToPath(new URL(`parser/main${extname(import.meta.url)}`, import.meta.url));

/**
 * Parsers in processes of their own, as many as there are files at once, started when they are needed: a file that
 * takes too long or too much memory ends its parser and nothing else, and no search waits for one.
 */
export function createParsers(options: ParserOptions): Parsers {
  // A process that stepped back may not come forward again, so there are both kinds.
  const pools = { ahead: createPool(options, 'ahead'), behind: createPool(options, 'behind') };
  return {
    parse: (job, { precedence, signal }) => pools[precedence].parse(job, signal),
    close() {
      pools.ahead.close();
      pools.behind.close();
    },
  };
}

function createPool(options: ParserOptions, precedence: Precedence) {
  const { parseMemoryBytes, parseTimeoutMs } = options;
  const idle = new Map<ChildProcess, NodeJS.Timeout>();

  const start = (): ChildProcess => {
    const child = fork(MAIN, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      execArgv: [...process.execArgv, SINGLE_THREADED, `--max-old-space-size=${parseMemoryBytes / MiB}`],
    });
    send(child, { type: 'start', options, precedence });
    return child;
  };
  const take = (): ChildProcess => {
    const [child, timer] = idle.entries().next().value ?? [start()];
    clearTimeout(timer);
    idle.delete(child);
    forgetListeners(child);
    return child;
  };
  const dismiss = (child: ChildProcess) => {
    clearTimeout(idle.get(child));
    idle.delete(child);
    if (child.connected) child.disconnect();
  };
  const park = (child: ChildProcess) => {
    idle.set(child, setTimeout(() => dismiss(child), IDLE_MS).unref());
    for (const event of ['exit', 'error']) child.once(event, () => dismiss(child));
  };

  const deathOf = ({ filename }: ParseJob, how: string, isOurs: boolean): Error => {
    const tooComplex = (reason: string) => new AppError('document_too_complex', { filename, reason });
    if (how === OUT_OF_TIME) return tooComplex(`reading it takes more than ${parseTimeoutMs / 1000} s`);
    if (how === OUT_OF_MEMORY || how === OUT_OF_HEAP) {
      return tooComplex(`reading it takes more than ${parseMemoryBytes / MiB} MiB of memory`);
    }
    const reason = `the parser ended while it read the file (${how})`;
    if (how === FROM_OUTSIDE && !isOurs) {
      return new AppError('retrieval_unavailable', { reason, retryAfterS: RETRY_AFTER_S });
    }
    return new Error(reason);
  };

  return {
    parse: (job: ParseJob, signal: AbortSignal): Promise<FilePassage[]> =>
      new Promise((resolve, reject) => {
        const child = take();
        const passages: FilePassage[] = [];
        let isKilled = false;
        const kill = () => {
          isKilled = true;
          child.kill('SIGKILL');
        };
        const timer = setTimeout(kill, STUCK_AFTER_MS);
        const settle = (action: () => void) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', kill);
          forgetListeners(child);
          action();
        };
        signal.addEventListener('abort', kill, { once: true });
        child.on('error', (error) => settle(() => reject(error)));
        child.once('exit', (code, signal) =>
          settle(() => reject(deathOf(job, signal ?? `exit code ${code}`, isKilled))),
        );
        child.on('message', (message: FromParser) => {
          switch (message.type) {
            case 'passages':
              passages.push(...message.passages);
              break;
            case 'done':
              settle(() => resolve(passages));
              park(child);
              break;
            case 'refused':
              settle(() => reject(AppError.fromMessage(message.error)));
              park(child);
              break;
            case 'unread':
              settle(() => reject(Object.assign(new Error(message.message), { code: message.code })));
              park(child);
          }
        });
        send(child, { type: 'parse', job });
      }),
    close() {
      for (const child of [...idle.keys()]) dismiss(child);
    },
  };
}

/** Ours alone: Node has some of its own. */
function forgetListeners(child: ChildProcess): void {
  for (const event of ['error', 'exit', 'message']) child.removeAllListeners(event);
}

function send(child: ChildProcess, message: ToParser): void {
  child.send(message, () => {});
}
