/** Work that outlives the request that asked for it, and the process that does it. Types only. */
import type { Page, PageRequest } from './paging.js';

/**
 * `ingest`: a file is read into a vector store. `reembed`: the passages of a vector store get vectors of another model. `response`: a response is answered behind its request. `batch`: the requests of a file
 * are. `webhook`: an address is told of a change. `evaluation`: a version of an adapter is asked questions whose answers are known.
 * `model_import`: a model is fetched and imported, for no tenant.
 */
export type JobKind = 'ingest' | 'reembed' | 'response' | 'batch' | 'webhook' | 'evaluation' | 'model_import';

/** `queued` may be one that failed before and waits to be tried again. The last three are final. */
export type JobStatus = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';

export interface Job {
  readonly id: string;
  readonly kind: JobKind;
  readonly tenant: string;
  /** What it is about; of an `ingest`, `<vector store>/<file>`; of a `reembed`, the vector store; else the id of what the job is for. */
  readonly subject: string;
  readonly status: JobStatus;
  /** How often it was begun. */
  readonly attempts: number;
  /** The share that is done, 0 … 1. */
  readonly progress: number;
  /** Why it failed, or the last attempt did. */
  readonly error: { readonly code: string; readonly message: string } | null;
  /** Milliseconds since the epoch, as all times here. */
  readonly createdAt: number;
  /** When it was begun last. */
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** Until it is done, by the pace of jobs of its kind so far; null where that is not known, and when it is over. */
  readonly leftMs: number | null;
}

export interface JobsFilter {
  readonly kind?: JobKind | undefined;
  readonly status?: JobStatus | undefined;
}

/** How many jobs there are that are not over. */
export interface JobCount {
  readonly kind: JobKind;
  readonly status: 'queued' | 'running';
  readonly jobs: number;
}

/** The jobs of a tenant. One of another tenant is `not_found`. Those that are over are forgotten after a week. */
export interface Jobs {
  listJobs(tenant: string, page: PageRequest, filter?: JobsFilter): Promise<Page<Job>>;
  getJob(tenant: string, jobId: string): Promise<Job>;
  /** Calls it off; one that is over stays as it is. What it did so far leaves no trace. */
  cancelJob(tenant: string, jobId: string): Promise<Job>;
}
