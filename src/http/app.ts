/** Types that all of `http/` shares. Types only. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { Config } from '../config/schema.js';
import type { Captures } from '../contracts/captures.js';
import type { Clock } from '../contracts/clock.js';
import type { Engines } from '../contracts/generator.js';
import type { ToolCaller } from '../contracts/http-tools.js';
import type { ModelImports } from '../contracts/model-imports.js';
import type { Quota } from '../contracts/quota.js';
import type { Principal, Registry, Scope } from '../contracts/registry.js';
import type { Retrieval } from '../contracts/retrieval.js';
import type { Safety } from '../contracts/safety.js';
import type { Tokenizer } from '../contracts/tokenizer.js';
import type { AppError } from '../errors/app-error.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Pipeline } from '../pipeline/types.js';
import type { RequestTrace } from '../tracing/tracing.js';
import type { BodyPace } from './plugins/body-pace.js';

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface Services {
  readonly config: Config;
  readonly engines: Engines;
  readonly tokenizer: Tokenizer;
  readonly retrieval: Retrieval;
  readonly registry: Registry;
  readonly safety: Safety;
  readonly quota: Quota;
  readonly captures: Captures;
  readonly toolCaller: ToolCaller;
  readonly modelImports: ModelImports;
  readonly metrics: Metrics;
  readonly pipeline: Pipeline;
  readonly clock: Clock;
}

/** What the line of a request in the log says besides: ids and counts, never what somebody wrote. */
export interface LogFields {
  /** The answer that was given, or begun. */
  answer?: {
    readonly id: string;
    readonly deployment: string;
    readonly adapter: string | null;
    readonly arm: string;
    readonly finishReason?: string;
    readonly promptTokens?: number;
    readonly completionTokens?: number;
  };
  /** What the path names: a tenant, a deployment, a file, … */
  subject?: Readonly<Record<string, string>>;
  /** What there is of it after a change. */
  result?: Readonly<Record<string, string | number | null | readonly string[]>>;
  /** Of the error that it was answered with. */
  code?: string;
  /** How long its body had to wait, behind others of its tenant. */
  bodyWaitMs?: number;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a key must be allowed to do on this route; null: any key does. */
    scope?: Scope | null;
    /** What this route gives is limited to what the groups of the caller may see; others with the scope `documents` are not for such callers. */
    takesGroups?: boolean;
    /** Nothing that this route acknowledges has to be written down, whatever its method. */
    keepsNothing?: boolean;
    /** Null in a body of this route means that a member was not given. */
    nullIsAbsent?: boolean;
    /** How this route writes an error; OpenAI's envelope where it is left out. */
    toErrorBody?: (error: AppError, requestId: string) => object;
    /** Its bodies go to the disk as they come, and take no place in memory. */
    streamsBody?: boolean;
    /** The largest file in a body of this route, where it takes one. */
    maxFileBytes?: number;
  }
  interface FastifyInstance {
    /** Opens the listener for operators, where there is one. */
    listenAdmin(): Promise<void>;
  }
  interface FastifyReply {
    /** Writes where the caller stands with its limits into the headers; done by itself for what the framework sends. */
    tellLimits(): void;
  }
  interface FastifyInstance {
    bodyPace: BodyPace;
    /** Where adapters and large files that are uploaded lie until they were looked at, and how large weights may be. */
    uploads: { readonly dir: string; readonly maxBytes: number };
  }
  interface FastifyRequest {
    /** Who asks; set on every route that needs a key. */
    principal: Principal;
    /** null: it is not traced. */
    trace: RequestTrace | null;
    /** What its line in the log says besides; a route adds what it knows. */
    logged: LogFields;
    /** Aborted when the client hangs up, or when the time to drain is over (its reason is an AppError then). */
    hangUp: AbortSignal;
  }
}
