/** What servers differ in: one file a dialect. Types only. */
import type { GeneratedToken, SamplingParams } from '../../contracts/generator.js';
import type { GrammarSpec } from '../../contracts/grammar.js';
import type { ReplicaFailure } from '../failure.js';
import type { Server } from '../server.js';

/** One answer that is asked for. */
export interface Question {
  readonly promptIds: readonly number[];
  readonly maxTokens: number;
  readonly sampling: SamplingParams;
  readonly stop: readonly string[];
  readonly topLogprobs: number | null;
  readonly grammar: GrammarSpec | null;
  /** Special tokens that have to be seen: the marks of calls and thoughts. */
  readonly shown: readonly string[];
  /** Digest; null for the base. */
  readonly adapter: string | null;
  /** Differs where requests must not share what is cached of their prompts: by tenant, audience and adapter. */
  readonly cacheKey: () => string;
}

/** What a server is expected to serve, and how to tell. */
export interface Expected {
  /** Its name for the base; empty for the only one that it has. */
  readonly model: string;
  /** A text, and its tokens by our tokenizer. */
  readonly text: string;
  readonly ids: readonly number[];
}

/** What a server said that it is and can do. */
export interface Capabilities {
  /** Its name for the base. */
  readonly model: string;
  /** Tokens of a prompt with its answer; null where it does not say. */
  readonly contextTokens: number | null;
  /** Requests that it answers at once; null where it does not say. */
  readonly slots: number | null;
  /**
   * `loads`: adapters are loaded and unloaded while it runs; a map: those it was started with, by digest, with its own number
   * for each; `none`: it has no adapters.
   */
  readonly adapters: 'loads' | 'none' | ReadonlyMap<string, number>;
  /** Digests of what is loaded already. */
  readonly loaded: readonly string[];
}

/** What one event of a stream says. */
export interface Piece {
  readonly text: string;
  /** Tokens of the answer up to here; null where it does not say. */
  readonly completionTokens: number | null;
  /** Of the prompt, found in a cache; null where it does not say. */
  readonly cachedTokens: number | null;
  readonly logprobs: readonly GeneratedToken[];
  readonly end: 'stop' | 'length' | null;
}

export interface Dialect {
  readonly name: string;
  /** Answers while the server can work. */
  readonly healthPath: string;
  /** Where answers are asked for. */
  readonly path: string;
  /** A sampling parameter or another wish that it has no word for, by its name in the API; null where it has all. */
  unsupported(question: Question): string | null;
  /** Asks the server what it is. @throws ReplicaFailure for one that does not serve what is expected */
  probe(server: Server, expected: Expected, signal: AbortSignal): Promise<Capabilities>;
  /** Requests that it has, whoever sent them; null where it does not say. @throws ReplicaFailure */
  countRequests?(server: Server, signal: AbortSignal): Promise<number | null>;
  body(question: Question, capabilities: Capabilities): object;
  /** @param data of one event; null where it says nothing. @throws ReplicaFailure for what is no such event, and for errors */
  read(data: string): Piece | null;
  /** Whether a failure says that the adapter is not there. */
  lacksAdapter(failure: ReplicaFailure): boolean;
  /** Why servers cannot serve an adapter that none of them can, and what to do. */
  whyNot(digest: string): string;
  /** Asked while an answer is under way: whether what it was asked with still holds. @throws ReplicaFailure `stale` where not */
  confirm?(server: Server, capabilities: Capabilities, signal: AbortSignal): Promise<void>;
  load?(server: Server, digest: string, folder: string, signal: AbortSignal): Promise<void>;
  unload?(server: Server, digest: string, signal: AbortSignal): Promise<void>;
}
