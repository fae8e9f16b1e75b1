/**
 * Every message between the gateway and the engine process. Both ends import this file and nothing else of each other.
 */
import type { Config } from '../config/schema.js';
import type { AdapterRef } from '../contracts/adapter.js';
import type { EngineObservation, EngineStatus, Priority, SamplingParams, TokenEvent } from '../contracts/generator.js';
import type { ModelManifest } from '../contracts/model-manifest.js';
import type { ErrorMessage } from '../errors/app-error.js';
import type { NamedGrammar } from './grammar/spec.js';
import type { Hole } from './hole.js';

export type EngineSettings = Config['engine'];

/** A request whose prompt is tokenized and known to fit the context. */
export interface Job {
  /** Unique among the jobs of one client. */
  readonly id: number;
  readonly tenant: string;
  readonly audience: string;
  readonly deployment: string;
  readonly priority: Priority;
  readonly promptIds: Int32Array;
  /**
   * Where each passage begins that is computed by itself, and where the last one ends, with more behind it; empty: the
   * prompt is computed in order.
   */
  readonly passages: readonly number[];
  /**
   * How many of the last of these are the beginning of the answer. The text may end within a token, so its last word is
   * drawn again; it is not shown.
   */
  readonly begunTokens: number;
  readonly adapter: AdapterRef | null;
  readonly sampling: SamplingParams;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  /** Where the answer goes, if it fills in the middle. */
  readonly hole: Hole | null;
  readonly topLogprobs: number | null;
  readonly shown?: readonly string[];
  /** What the answer is bound to. */
  readonly grammar: NamedGrammar | null;
}

export type ToEngine =
  /** Always first, and once. */
  | {
      readonly type: 'init';
      readonly modelDir: string;
      readonly manifest: ModelManifest;
      readonly settings: EngineSettings;
      /** Where measurements of this machine are kept between starts. */
      readonly calibrationFile: string;
      /** Who else wants the processors (layouts/right-of-way.ts); null: nobody. */
      readonly rightOfWayFile: string | null;
    }
  | { readonly type: 'generate'; readonly job: Job }
  | { readonly type: 'abort'; readonly id: number }
  /** Nothing that was computed for the tenant so far is used again: all of it, or what was computed with one adapter. */
  | { readonly type: 'forget'; readonly tenant: string; readonly adapter?: string };

/** What happened to one job; after `finished` or an error nothing more is said about it. */
export type JobEvent =
  | { readonly id: number; readonly event: TokenEvent }
  | { readonly id: number; readonly error: ErrorMessage };

export type Gauges = Pick<EngineStatus, 'slotsInUse' | 'queued' | 'adaptersResident' | 'rssBytes' | 'passageBytes'>;

export type FromEngine =
  | { readonly type: 'ready'; readonly gauges: Gauges /** What runs the model. */; readonly runtime: string }
  /** The model cannot be served; the gateway closes the channel then, which ends the process. */
  | { readonly type: 'failed'; readonly reason: string }
  /** One a step, with the events of all its rows. */
  | {
      readonly type: 'step';
      readonly events: readonly JobEvent[];
      readonly observations: readonly EngineObservation[];
      readonly gauges: Gauges;
    };
