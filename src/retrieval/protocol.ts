/** The messages between the gateway and the retrieval process. */
import type { Config } from '../config/schema.js';
import type { Actor } from '../contracts/audit.js';
import type { Retrieval, RetrievalObservation, RetrievalStatus } from '../contracts/retrieval.js';
import type { ErrorMessage } from '../errors/app-error.js';

/** The methods of the contract that are carried out in the process. */
export type Method = Exclude<keyof Retrieval, 'embedder' | 'recogniser' | 'status' | 'observe' | 'close'>;

type WithoutSignal<Args extends unknown[]> = Args extends [...infer Rest, AbortSignal] ? Rest : Args;
/** The arguments of a method as they cross: without the signal, which crosses as an `abort`. */
export type Arguments<M extends Method> = WithoutSignal<Parameters<Retrieval[M]>>;
export type Result<M extends Method> = Awaited<ReturnType<Retrieval[M]>>;

export interface ProcessOptions {
  readonly dataDir: string;
  readonly modelDir: string;
  /** Ids of the embedding models beside it that stores may name; left out: none. */
  readonly furtherEmbedders?: readonly string[];
  readonly baseModelDir: string;
  /** Of the model that finds names; null, or left out: there is none. */
  readonly nerModelDir?: string | null;
  /** Of the sample documents; null, or left out: there are none. */
  readonly shippedVectorsFile?: string | null;
  readonly config: Config['retrieval'];
  readonly database: Config['database'];
}

export type GatewayMessage =
  | { readonly type: 'start'; readonly options: ProcessOptions }
  | {
      readonly type: 'call';
      readonly id: number;
      readonly method: Method;
      readonly args: readonly unknown[];
      /** In whose name. */
      readonly actor: Actor;
    }
  | { readonly type: 'abort'; readonly id: number }
  | { readonly type: 'stop' };

export type ProcessMessage =
  | { readonly type: 'ready'; readonly dimensions: number; readonly status: ProcessStatus }
  /** It cannot start; it ends after this. */
  | { readonly type: 'failed'; readonly reason: string; readonly error: ErrorMessage }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: ErrorMessage }
  | { readonly type: 'status'; readonly status: ProcessStatus }
  | { readonly type: 'observation'; readonly observation: RetrievalObservation }
  | { readonly type: 'log'; readonly level: 'warn' | 'error'; readonly message: string; readonly detail: string };

export type ProcessStatus = Omit<RetrievalStatus, 'ready' | 'reason'>;
