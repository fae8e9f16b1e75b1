import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GrammarSpec } from '../../../contracts/grammar.js';
import { AppError } from '../../../errors/app-error.js';
import { grammarParam } from '../../../generation/grammar-param.js';
import { Turns } from '../../../queues/turns.js';
import type { Program } from '../../grammar/program.js';
import type { FromCompiler, ToCompiler } from './compiler/protocol.js';
import type { TokenTrie } from './trie.js';

const MAIN = fileURLToPath(new URL(`compiler/main${extname(import.meta.url)}`, import.meta.url));

/** A schema of everyday size takes some milliseconds. */
const TIMEOUT_MS = 5000;
const MEMORY_MIB = 512;
/** How V8 ends a process that reached its limit. */
const OUT_OF_HEAP = 'SIGABRT';
/** Starting and reading the tokens takes a second on a busy machine, and nobody's grammar is to blame for it. */
const START_TIMEOUT_MS = 60_000;
/** One without work gives its memory back after this long. */
const IDLE_MS = 60_000;

export interface Compiled {
  readonly program: Program;
  readonly trie: TokenTrie;
}

/** @throws AppError `invalid_value` */
export type CompileGrammar = (spec: GrammarSpec, tenant: string) => Promise<Compiled>;

interface Request {
  readonly tenant: string;
  readonly spec: GrammarSpec;
  readonly resolve: (compiled: Compiled) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Compiles grammars one after another, tenants in turn, in a process of their own that is there while there is work: one
 * that takes too long or too much memory ends that process and nothing else.
 */
export class GrammarCompiler {
  readonly #tokenizerFile: string;
  readonly #vocabSize: number;
  readonly #waiting = new Turns<Request>();
  #child: ChildProcess | null = null;
  #idle: NodeJS.Timeout | null = null;
  #trie: TokenTrie | null = null;
  #isBusy = false;

  constructor(tokenizerFile: string, vocabSize: number) {
    this.#tokenizerFile = tokenizerFile;
    this.#vocabSize = vocabSize;
  }

  readonly compile: CompileGrammar = (spec, tenant) =>
    new Promise((resolve, reject) => {
      this.#waiting.add({ tenant, spec, resolve, reject });
      if (!this.#isBusy) void this.#work();
    });

  async #work(): Promise<void> {
    this.#isBusy = true;
    if (this.#idle) clearTimeout(this.#idle);
    for (let request = this.#waiting.take(); request !== undefined; request = this.#waiting.take()) {
      try {
        request.resolve(await this.#answer(request.spec));
      } catch (error) {
        request.reject(error);
      }
    }
    this.#isBusy = false;
    this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref();
  }

  async #answer(spec: GrammarSpec): Promise<Compiled> {
    if (this.#trie === null) {
      const about = { type: 'trie', tokenizerFile: this.#tokenizerFile, vocabSize: this.#vocabSize } as const;
      const read = await this.#ask(about, START_TIMEOUT_MS);
      if (typeof read !== 'object' || read.type !== 'trie') throw new Error('the tokens could not be read');
      this.#trie = read.trie;
    }
    const answer = await this.#ask({ type: 'compile', spec }, TIMEOUT_MS);
    if (typeof answer === 'string') {
      throw new AppError('invalid_value', {
        param: grammarParam(spec),
        reason: `compiling it ${answer}; make it smaller`,
      });
    }
    if (answer.type === 'refused') throw AppError.fromMessage(answer.error);
    if (answer.type !== 'compiled') throw new Error('the grammar compiler answered something else');
    return { program: answer.program, trie: this.#trie };
  }

  /** The answer, or how the process ended. */
  async #ask(message: ToCompiler, timeoutMs: number): Promise<FromCompiler | string> {
    const child = await this.#started();
    if (!child.connected) throw new Error('the grammar compiler does not start');
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        child.kill('SIGKILL');
      }, timeoutMs);
      const over = (how: FromCompiler | string | Error) => {
        clearTimeout(timer);
        child.removeAllListeners('message');
        child.removeAllListeners('exit');
        if (how instanceof Error) reject(how);
        else resolve(how);
      };
      child.once('message', (answer: FromCompiler) => over(answer));
      child.once('exit', (code, signal) => {
        this.#child = null;
        if (isLate) over(`takes more than ${timeoutMs / 1000} s`);
        else if (signal === OUT_OF_HEAP) over(`takes more than ${MEMORY_MIB} MiB of memory`);
        else over(new Error(`the grammar compiler ended (${signal ?? `exit code ${code}`})`));
      });
      child.send(message, () => {});
    });
  }

  /** Its time begins when it reads its messages. */
  async #started(): Promise<ChildProcess> {
    if (this.#child?.connected) return this.#child;
    const child = fork(MAIN, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      execArgv: [...process.execArgv, `--max-old-space-size=${MEMORY_MIB}`],
    });
    child.on('error', () => {});
    this.#child = child;
    await new Promise<void>((resolve) => {
      child.once('message', () => resolve());
      child.once('exit', () => resolve());
      child.send({ type: 'ping' }, () => {});
    });
    child.removeAllListeners('message');
    child.removeAllListeners('exit');
    return child;
  }

  #end(): void {
    if (this.#child?.connected) this.#child.disconnect();
    this.#child = null;
  }
}
