import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/schema.js';
import type { Clock } from '../contracts/clock.js';
import type { ModelManifest } from '../contracts/model-manifest.js';
import type { Prompt, PromptMessage, ToolDefinition } from '../contracts/prompt.js';
import type {
  AnswerFormat,
  EncodedPrompt,
  RawInfill,
  Tokenizer,
  TokenizerCaller,
  TokenizerStatus,
} from '../contracts/tokenizer.js';
import { AppError } from '../errors/app-error.js';
import { SupervisedProcess } from '../processes/supervised-process.js';
import { leastTokens } from './least-tokens.js';
import type { Bounds, Done, FromTokenizer, Result, ToTokenizer, Work } from './protocol.js';
import { type Job, JobQueue, LANES, type Lane } from './queue.js';
import { type InfillMarks, readRawInfill } from './raw-infill.js';

export interface TokenizerOptions {
  /** Folder of the imported base model, and what its manifest says. */
  readonly modelDir: string;
  readonly manifest: Pick<ModelManifest, 'id' | 'tokenizer'>;
  /** Texts that structure our prompts; text of others never becomes one of them. */
  readonly fences: readonly string[];
  readonly settings: Config['tokenizer'];
  readonly hangTimeoutMs: number;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
}

/** Asked for by somebody; settled once, whoever is first. */
interface Pending extends Job {
  readonly work: Work;
  readonly resolve: (result: Done) => void;
  readonly reject: (error: unknown) => void;
}

interface Member {
  readonly process: SupervisedProcess<ToTokenizer, FromTokenizer>;
  /** What it is there for. */
  readonly lane: Lane;
  /** What it works on; none: it is idle. */
  jobs: readonly Pending[];
  startedMs: number;
  deadline: NodeJS.Timeout | null;
  rssBytes: number;
}

/**
 * Garbage of short jobs dies young; without a bound it doubles the memory of each process. What a model's own template or
 * expressions make of a text may end the process, never take the machine's memory.
 */
const EXEC_ARGV = ['--max-semi-space-size=4', '--max-old-space-size=1536'];
const QUEUE_RETRY_S = 1;
/**
 * Of what goes to a process together: more would keep the first of it waiting. So much is not shared out among those that are idle: a
 * further message takes longer than it does (decision 0107).
 */
const MOST_JOBS = 16;
const MOST_CHARACTERS = 4096;
/** A process that takes as long over short jobs does not come to its end, or has no processor: others take what waits. */
const HELD_UP_MS = 100;
/** What rendering an empty message costs, in characters that take as long to tokenize. */
const MESSAGE_CHARACTERS = 16;

/**
 * Starts the tokenizer's processes and resolves when all are ready.
 * @throws AppError `model_invalid` for a tokenizer or template that cannot be loaded, `tokenizer_unavailable`
 */
export async function createTokenizer(options: TokenizerOptions): Promise<Tokenizer> {
  const pool = new TokenizerPool(options);
  try {
    await pool.started;
  } catch (error) {
    await pool.close();
    throw error;
  }
  return pool;
}

class TokenizerPool implements Tokenizer {
  /** Settles with the first start of all. */
  readonly started: Promise<void>;
  readonly #options: TokenizerOptions;
  readonly #queue: JobQueue<Pending>;
  readonly #members: readonly Member[];
  readonly #listeners = new Set<(observation: { readonly type: 'restart' }) => void>();
  #bounds: Bounds = {
    charactersPerToken: Number.POSITIVE_INFINITY,
    lettersPerToken: Number.POSITIVE_INFINITY,
    cutsHistory: true,
  };
  /** What was with others when their process ended: who is to blame for it shows when each is tried by itself. */
  #apart: Pending[] = [];
  #dispatching: NodeJS.Immediate | null = null;
  #looking: NodeJS.Timeout | null = null;
  #infillMarks: InfillMarks | null = null;
  #answerFormat: AnswerFormat = { calls: null, thoughts: 'none', specials: [] };

  constructor(options: TokenizerOptions) {
    this.#options = options;
    this.#queue = new JobQueue(options.settings);
    const { processes } = options.settings;
    const starts = Array.from({ length: processes }, (_, i) => this.#start(i < processes / 2 ? 'short' : 'long'));
    this.#members = starts.map(({ member }) => member);
    this.started = Promise.all(starts.map(({ ready }) => ready)).then(() => {});
  }

  async encode(prompt: Prompt, caller: TokenizerCaller): Promise<Int32Array> {
    return (await this.encodeParts(prompt, caller)).ids;
  }

  async encodeParts(prompt: Prompt, caller: TokenizerCaller): Promise<EncodedPrompt> {
    if (prompt.kind === 'tokens') return { ids: Int32Array.from(prompt.ids), passages: [] };
    return this.#ask({ type: 'encode', prompt, tenant: caller.tenant }, charactersOf(prompt), caller);
  }

  async count(texts: readonly string[], caller: TokenizerCaller): Promise<readonly number[]> {
    if (texts.length === 0) return [];
    const characters = texts.reduce((sum, text) => sum + text.length, 0);
    return [...(await this.#ask<Int32Array>({ type: 'count', texts }, characters, caller))];
  }

  encodeBare(text: string, caller: TokenizerCaller): Promise<Int32Array> {
    return this.#ask({ type: 'encode_bare', text }, text.length, caller);
  }

  async decode(ids: readonly number[], caller: TokenizerCaller): Promise<string> {
    const [text] = await this.#ask<readonly string[]>({ type: 'decode', ids }, ids.length, caller);
    return text!;
  }

  spell(ids: readonly number[], caller: TokenizerCaller): Promise<readonly string[]> {
    return this.#ask({ type: 'spell', ids }, ids.length, caller);
  }

  leastTokens(prompt: Prompt, enough: number): number {
    return leastTokens(prompt, this.#bounds, enough);
  }

  readRawInfill(text: string): RawInfill | null {
    return this.#infillMarks === null ? null : readRawInfill(text, this.#infillMarks);
  }

  answerFormat(): AnswerFormat {
    return this.#answerFormat;
  }

  status(): TokenizerStatus {
    const down = this.#members.find(({ process }) => !process.ready);
    return {
      ready: this.#anyReady(),
      reason: this.#anyReady() ? null : down!.process.down.reason,
      queued: this.#queue.size,
      rssBytes: this.#members.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    };
  }

  observe(listener: (observation: { readonly type: 'restart' }) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#looking !== null) clearTimeout(this.#looking);
    await Promise.all(this.#members.map(({ process }) => process.close()));
  }

  #start(lane: Lane): { member: Member; ready: Promise<void> } {
    const { modelDir, manifest, fences, hangTimeoutMs, clock, log } = this.#options;
    let settle: { resolve: () => void; reject: (error: AppError) => void };
    const ready = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject };
    });
    // The first rejection of several is the one that is told.
    ready.catch(() => {});
    const member: Member = {
      process: new SupervisedProcess<ToTokenizer, FromTokenizer>({
        name: 'tokenizer',
        main: fileURLToPath(new URL(`process/main${path.extname(import.meta.url)}`, import.meta.url)),
        execArgv: EXEC_ARGV,
        first: { type: 'init', modelDir, manifest, fences, precedence: lane === 'long' ? 'behind' : 'ahead' },
        hangTimeoutMs,
        clock,
        log,
        onMessage: (message) => {
          if (message.type === 'ready' || message.type === 'done') member.rssBytes = message.rssBytes;
          switch (message.type) {
            case 'ready':
              this.#bounds = message.bounds;
              this.#infillMarks = message.infillMarks;
              this.#answerFormat = message.answerFormat;
              settle.resolve();
              break;
            case 'failed':
              settle.reject(new AppError('model_invalid', { file: manifest.tokenizer.file, reason: message.reason }));
              break;
            case 'done':
              for (const [i, job] of finish(member).entries()) settleJob(job, message.results[i]!);
              break;
          }
          this.#dispatch();
        },
        onDown: () => {
          member.rssBytes = 0;
          const error = unavailable(member);
          settle.reject(error);
          const jobs = finish(member);
          if (jobs.length > 1) this.#apart.push(...jobs);
          else jobs[0]?.reject(error);
          if (this.#anyReady()) this.#dispatch();
          else for (const job of [...this.#apart.splice(0), ...this.#queue.drain()]) job.reject(error);
        },
        onRestart: () => {
          for (const listener of this.#listeners) listener({ type: 'restart' });
        },
      }),
      lane,
      jobs: [],
      startedMs: 0,
      deadline: null,
      rssBytes: 0,
    };
    return { member, ready };
  }

  #ask<T extends Done>(work: Work, characters: number, { tenant, signal }: TokenizerCaller): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (!this.#anyReady()) return reject(unavailable(this.#members[0]!));
      const settled = () => signal.removeEventListener('abort', onAbort);
      const job: Pending = {
        tenant,
        characters,
        work,
        resolve: (result) => {
          settled();
          resolve(result as T);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      const onAbort = () => {
        this.#queue.remove(job);
        job.reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#enqueue(job);
    });
  }

  #enqueue(job: Pending): void {
    let hasRoom = this.#queue.add(job);
    if (!hasRoom) {
      // Some of what waits may only wait to go together.
      this.#dispatch();
      hasRoom = this.#queue.add(job);
    }
    const limit = this.#options.settings.maxQueued;
    if (hasRoom) this.#dispatching ??= setImmediate(() => this.#dispatch());
    else job.reject(new AppError('queue_full', { limit: `${limit} requests`, retryAfterS: QUEUE_RETRY_S }));
  }

  #dispatch(): void {
    if (this.#dispatching !== null) clearImmediate(this.#dispatching);
    this.#dispatching = null;
    for (const member of this.#members) {
      if (member.jobs.length > 0 || !member.process.ready) continue;
      const jobs = this.#take(this.#lanesOf(member));
      if (jobs.length === 0) continue;
      const limitMs = this.#options.settings.timeoutMs;
      member.jobs = jobs;
      member.startedMs = this.#options.clock.monotonicMs();
      member.deadline = setTimeout(() => {
        if (jobs.length === 1) jobs[0]!.reject(new AppError('deadline_exceeded', { limitMs }));
        // It cannot be told to stop: a template may loop for ever.
        member.process.kill();
      }, limitMs);
      member.process.send({ type: 'work', works: jobs.map(({ work }) => work) });
    }
    if (this.#queue.size > 0) this.#looking ??= setTimeout(() => this.#look(), HELD_UP_MS);
  }

  #look(): void {
    this.#looking = null;
    this.#dispatch();
  }

  /**
   * What a process may take now: what it is there for, and what no other one can take. Long jobs are for processes that step back behind the
   * answers: so no short one waits for them, nor does the engine's step, which ends with its slowest thread.
   */
  #lanesOf({ lane: own }: Member): readonly Lane[] {
    const nowMs = this.#options.clock.monotonicMs();
    const isHeldUp = ({ jobs, startedMs }: Member) => jobs.length > 0 && nowMs - startedMs >= HELD_UP_MS;
    return LANES.filter((lane) => {
      const others = this.#members.filter((member) => member.lane === lane && member.process.ready);
      return lane === own || others.length === 0 || (lane === 'short' && others.every(isHeldUp));
    });
  }

  /** What goes to a process next: a long job by itself, short ones together. */
  #take(lanes: readonly Lane[]): Pending[] {
    const apart = lanes.includes('short') ? this.#apart.shift() : undefined;
    if (apart !== undefined) return [apart];
    const first = this.#queue.take(lanes);
    if (first === undefined) return [];
    const jobs = [first];
    let { characters } = first;
    while (characters < MOST_CHARACTERS && jobs.length < MOST_JOBS) {
      const next = this.#queue.take(['short']);
      if (next === undefined) break;
      jobs.push(next);
      characters += next.characters;
    }
    return jobs;
  }

  #anyReady(): boolean {
    return this.#members.some(({ process }) => process.ready);
  }
}

/** Takes its work from a process that is through with it. */
function finish(member: Member): readonly Pending[] {
  const { jobs } = member;
  if (member.deadline !== null) clearTimeout(member.deadline);
  member.jobs = [];
  member.deadline = null;
  return jobs;
}

function settleJob(job: Pending, result: Result): void {
  if ('done' in result) job.resolve(result.done);
  else job.reject(AppError.fromMessage(result.error));
}

function unavailable({ process }: Member): AppError {
  return new AppError('tokenizer_unavailable', { ...process.down });
}

function charactersIn({ content, toolCalls = [] }: PromptMessage): number {
  return toolCalls.reduce((sum, call) => sum + call.arguments.length, content.length + MESSAGE_CHARACTERS);
}

function toolCharacters(tools: readonly ToolDefinition[] = []): number {
  return tools.length === 0 ? 0 : JSON.stringify(tools).length;
}

function charactersOf(prompt: Exclude<Prompt, { kind: 'tokens' }>): number {
  switch (prompt.kind) {
    case 'chat':
      return prompt.messages.reduce((sum, message) => sum + charactersIn(message), 0) + toolCharacters(prompt.tools);
    case 'text':
      return prompt.text.length;
    case 'infill':
      return prompt.prefix.length + prompt.suffix.length;
  }
}
