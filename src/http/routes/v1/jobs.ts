import { Type } from 'typebox';
import type { Job } from '../../../contracts/jobs.js';
import { errorResponses } from '../../../errors/responses.js';
import type { App, Services } from '../../app.js';
import { listOf, pageFields, toList, toPageRequest } from './pagination.js';

const KINDS = ['ingest', 'reembed'] as const;
const STATUSES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;

const JobsQuery = Type.Object(
  {
    ...pageFields,
    kind: Type.Optional(Type.Enum(KINDS, { description: 'Only jobs of this kind.' })),
    status: Type.Optional(Type.Enum(STATUSES, { description: 'Only jobs that are that far.' })),
  },
  { additionalProperties: false },
);

const Time = Type.Union([Type.Integer(), Type.Null()]);

const JobSchema = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('job'),
    kind: Type.Enum(KINDS, {
      description:
        'ingest: a file is read into a vector store. reembed: the passages of a vector store get vectors of another model.',
    }),
    subject: Type.String({
      description: 'What it is about; of an ingest, `<vector store>/<file>`; of a reembed, the vector store.',
    }),
    status: Type.Enum(STATUSES, {
      description: 'queued may be one that failed before and waits to be tried again; the last three are final.',
    }),
    attempts: Type.Integer({ description: 'How often it was begun.' }),
    progress: Type.Number({ description: 'The share that is done, 0 … 1; some two seconds old.' }),
    estimated_seconds_left: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Until it is done, by the pace of jobs like it; null where that is not known.',
    }),
    last_error: Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()]),
    created_at: Type.Integer(),
    started_at: Time,
    finished_at: Time,
  },
  { description: 'Work that goes on behind a request. It is forgotten a week after its end.' },
);

const JobId = Type.Object({ job_id: Type.String() });
const config = { scope: 'documents' } as const;
const tags = ['jobs'];

export function addJobs(app: App, { retrieval }: Services): void {
  app.get(
    '/v1/jobs',
    {
      config,
      schema: {
        summary: 'Work that goes on, waits or is over',
        operationId: 'listJobs',
        tags,
        querystring: JobsQuery,
        response: { 200: listOf(JobSchema), ...errorResponses },
      },
    },
    async ({ principal, query: { kind, status, ...page } }) =>
      toList(await retrieval.listJobs(principal.tenant, toPageRequest(page), { kind, status }), toWire),
  );

  app.get(
    '/v1/jobs/:job_id',
    {
      config,
      schema: {
        summary: 'How far a job is',
        operationId: 'getJob',
        tags,
        params: JobId,
        response: { 200: JobSchema, ...errorResponses },
      },
    },
    async ({ principal, params }) => toWire(await retrieval.getJob(principal.tenant, params.job_id)),
  );

  app.post(
    '/v1/jobs/:job_id/cancel',
    {
      config,
      schema: {
        summary: 'Call off a job; one that is over stays as it is',
        operationId: 'cancelJob',
        tags,
        params: JobId,
        response: { 200: JobSchema, ...errorResponses },
      },
    },
    async ({ principal, params }) => toWire(await retrieval.cancelJob(principal.tenant, params.job_id)),
  );
}

function toWire(job: Job) {
  const seconds = (ms: number | null) => (ms === null ? null : Math.floor(ms / 1000));
  return {
    id: job.id,
    object: 'job',
    kind: job.kind,
    subject: job.subject,
    status: job.status,
    attempts: job.attempts,
    progress: job.progress,
    estimated_seconds_left: job.leftMs === null ? null : Math.ceil(job.leftMs / 1000),
    last_error: job.error,
    created_at: Math.floor(job.createdAt / 1000),
    started_at: seconds(job.startedAt),
    finished_at: seconds(job.finishedAt),
  };
}
