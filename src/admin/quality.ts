import { Readable } from 'node:stream';
import { Type } from 'typebox';
import {
  FEEDBACK_CATEGORIES,
  MAX_COMMENT,
  MAX_KEPT_ANSWERS,
  MAX_RETENTION_DAYS,
  REVIEW_REASONS,
} from '../contracts/registry-limits.js';
import { errorResponses } from '../errors/responses.js';
import { scrubBehind } from '../personal-data/scrub.js';
import { exportExamples } from '../quality/export.js';
import { ifRevision, RevisionHeaders, withRevision } from './conditions.js';
import { answerCursor, pageOf, pageQuery, readPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { TenantParams } from './schemas/common.js';
import { DeploymentParams } from './schemas/deployments.js';

const route = { config: { scope: 'tenant-admin' } } as const;
const closed = { additionalProperties: false } as const;
const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const DEFAULT_REVIEWS = 50;
const DEFAULT_DAYS = 7;
const DAY_MS = 24 * 3600 * 1000;

const DataPolicySchema = Type.Object(
  {
    retentionDays: nullable(
      Type.Integer({
        minimum: 1,
        maximum: MAX_RETENTION_DAYS,
        description: 'Days for which records of answers are kept; null: as the gateway is configured.',
      }),
    ),
    maxAnswers: nullable(
      Type.Integer({ minimum: 0, maximum: MAX_KEPT_ANSWERS, description: 'The oldest go first; null: as configured.' }),
    ),
    trainingConsent: Type.Boolean({ description: 'Corrected answers may be kept and exported for training.' }),
    storeResponses: Type.Boolean({ description: 'Texts of /v1/responses may be kept.' }),
    captureRate: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0,
      description: 'Share of the answers whose question, passages and text are kept, without personal data; 0: none.',
    }),
    captureDays: nullable(
      Type.Integer({
        minimum: 1,
        maximum: MAX_RETENTION_DAYS,
        default: null,
        description: 'Days for which these texts are kept; null: as configured. Never longer than their records.',
      }),
    ),
  },
  closed,
);

const SetDataPolicySchema = Type.Object({
  ...DataPolicySchema.properties,
  revision: Type.Integer({ description: '0: never set. Grows by one with every change.' }),
});

/** Without captures where nothing is said of them. */
const DataPolicyBody = Type.Object(
  {
    ...DataPolicySchema.properties,
    captureRate: Type.Optional(DataPolicySchema.properties.captureRate),
    captureDays: Type.Optional(DataPolicySchema.properties.captureDays),
  },
  closed,
);

const CorrectionSchema = Type.Object(
  {
    messages: Type.Array(
      Type.Object({ role: Type.Enum(['system', 'user', 'assistant']), content: Type.String() }, closed),
      { minItems: 1 },
    ),
    answer: Type.String({ minLength: 1 }),
  },
  closed,
);
const Labels = Type.Array(Type.Enum([...FEEDBACK_CATEGORIES]), { maxItems: FEEDBACK_CATEGORIES.length });

const ReviewItemSchema = Type.Object({
  answerId: Type.String(),
  createdAt: Type.Integer(),
  deployment: Type.String(),
  adapter: nullable(Type.String()),
  reasons: Type.Array(Type.Enum([...REVIEW_REASONS])),
  shadowId: nullable(Type.String({ description: 'Of what a canary answered to the same question, seen by nobody.' })),
  groundedness: nullable(Type.Number()),
  refused: nullable(Type.Boolean()),
  topScore: nullable(Type.Number()),
  comments: Type.Array(Type.String()),
  corrections: Type.Array(CorrectionSchema),
});

const ReviewBody = Type.Object(
  {
    verdict: Type.Enum(['accepted', 'corrected', 'rejected'], {
      description: "Of the answer, or of the user's correction where there is one; `corrected`: yours goes before it.",
    }),
    labels: Type.Optional(Labels),
    note: Type.Optional(Type.String({ maxLength: MAX_COMMENT })),
    correction: Type.Optional(CorrectionSchema),
  },
  closed,
);

const Group = {
  name: Type.String({ description: "A version, a day, the number of a topic, or a file's id." }),
  answers: Type.Integer(),
  groundedness: nullable(Type.Number()),
  citationValidity: nullable(Type.Number()),
  refusals: nullable(Type.Number({ description: 'Share of the answers.' })),
  truncations: nullable(Type.Number({ description: 'Share of the answers.' })),
  words: nullable(Type.Number()),
  firstTokenMs: nullable(Type.Number()),
  thumbsDown: Type.Integer(),
};
const Groups = Type.Array(Type.Object(Group), { description: 'Means.' });
const ReportSchema = Type.Object({
  versions: Groups,
  days: Groups,
  trends: Type.Array(Type.Object({ version: Type.String(), ...Group }), { description: "Each version's days." }),
  worstTopics: Groups,
  worstDocuments: Type.Array(
    Type.Object({
      filename: nullable(Type.String({ description: 'null: it was deleted, or documents cannot be asked for.' })),
      ...Group,
    }),
    { description: 'Of the answers that were given a passage of them, the least grounded first, ten at most.' },
  ),
});

/** What is kept of answers, who looks at them, and what is learnt from them. */
export const qualityRoutes: AdminPlugin = async (app, { registry, retrieval, captures }) => {
  app.get(
    '/tenants/:tenant/data-policy',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'getDataPolicy',
        summary: "Show what may be done with a tenant's answers",
        params: TenantParams,
        response: { 200: SetDataPolicySchema, ...errorResponses },
      },
    },
    async ({ params }, reply) => withRevision(reply, await registry.getDataPolicy(params.tenant)),
  );

  app.put(
    '/tenants/:tenant/data-policy',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'putDataPolicy',
        summary: "Set what may be done with a tenant's answers",
        description: 'Records beyond it are deleted within the hour.',
        params: TenantParams,
        headers: RevisionHeaders,
        body: DataPolicyBody,
        response: { 200: SetDataPolicySchema, ...errorResponses },
      },
    },
    async ({ params, body, headers }, reply) => {
      const policy = { captureRate: 0, captureDays: null, ...body };
      return withRevision(
        reply,
        await registry.putDataPolicy(params.tenant, policy, { ifRevision: ifRevision(headers) }),
      );
    },
  );

  app.delete(
    '/tenants/:tenant/users/:user/answers',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'forgetUser',
        summary: "Delete the records of one user's answers",
        description:
          'By the name that the client gave as `user` or `safety_identifier`; signals, feedback, reviews and captured texts go with them.',
        params: Type.Object({ tenant: Type.String(), user: Type.String() }),
        response: {
          200: Type.Object({
            deleted: Type.Integer({ description: 'Records.' }),
            captures: Type.Integer({ description: 'Captured texts.' }),
          }),
          ...errorResponses,
        },
      },
    },
    async ({ params: { tenant, user } }) => ({
      deleted: await registry.forgetUser(tenant, user),
      captures: await captures.forgetUser(tenant, user),
    }),
  );

  app.get(
    '/tenants/:tenant/deployments/:name/quality',
    {
      config: { scope: 'release' },
      schema: {
        tags: ['admin'],
        operationId: 'getQuality',
        summary: "Show what a deployment's answers were worth",
        description: 'By version and by day, and the topics and documents that are answered worst from.',
        params: DeploymentParams,
        querystring: Type.Object(
          { days: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_RETENTION_DAYS, default: DEFAULT_DAYS })) },
          closed,
        ),
        response: { 200: ReportSchema, ...errorResponses },
      },
    },
    async ({ params: { tenant, name }, query: { days = DEFAULT_DAYS } }) => {
      const report = await registry.qualityReport(tenant, name, Date.now() - days * DAY_MS);
      const filenameOf = (fileId: string) =>
        retrieval.getFile(tenant, fileId).then(
          ({ filename }) => filename,
          () => null,
        );
      const named = report.worstDocuments.map(async (group) => ({ ...group, filename: await filenameOf(group.name) }));
      return { ...report, worstDocuments: await Promise.all(named) };
    },
  );

  app.delete(
    '/tenants/:tenant/deployments/:name/baseline',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'resetBaseline',
        summary: 'Forget what drift of a deployment is measured against',
        description: 'Its next 1,000 judged answers are the new baseline.',
        params: DeploymentParams,
        response: { 200: Type.Object({ deleted: Type.Integer() }), ...errorResponses },
      },
    },
    async ({ params }) => {
      await registry.resetBaseline(params.tenant, params.name);
      return { deleted: 1 };
    },
  );

  app.get(
    '/tenants/:tenant/reviews',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listReviews',
        summary: 'List answers that a person should look at',
        params: TenantParams,
        querystring: Type.Object(
          {
            reason: Type.Optional(Type.Enum([...REVIEW_REASONS])),
            ...pageQuery(DEFAULT_REVIEWS).properties,
          },
          closed,
        ),
        response: { 200: pageOf(ReviewItemSchema), ...errorResponses },
      },
    },
    ({ params, query: { reason = null, ...page } }) =>
      readPage(DEFAULT_REVIEWS, page, answerCursor, (limit, before) =>
        registry.listReviews(params.tenant, { reason, limit, before }),
      ),
  );

  app.put(
    '/tenants/:tenant/reviews/:answerId',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'putReview',
        summary: 'Review an answer',
        params: Type.Object({ tenant: Type.String(), answerId: Type.String() }),
        body: ReviewBody,
        response: { 200: ReviewBody, ...errorResponses },
      },
    },
    async ({ params, principal, body }) => {
      const { verdict, labels = [], note = null, correction = null } = body;
      const reviewer = { tenant: params.tenant, keyId: principal.keyId };
      await registry.putReview(reviewer, params.answerId, { verdict, labels, note, correction });
      return body;
    },
  );

  app.get(
    '/tenants/:tenant/training-examples',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'exportTrainingExamples',
        summary: 'Export corrected answers for training',
        description:
          "JSON lines in the shape of OpenAI's chat fine-tuning, each once, with where it comes from; personal data is blanked out. Only where the tenant consents.",
        params: TenantParams,
        response: {
          200: { description: 'One example a line.', content: { 'application/jsonl': { schema: Type.String() } } },
          ...errorResponses,
        },
      },
    },
    async ({ params, hangUp }, reply) => {
      const { tenant } = params;
      const lines = exportExamples(tenant, registry.trainingExamples(tenant), scrubBehind(retrieval), hangUp);
      // The first is awaited, so that an error still has a status of its own.
      const first = await lines.next();
      reply.type('application/jsonl');
      return Readable.from(
        (async function* () {
          if (!first.done) yield first.value;
          yield* lines;
        })(),
      );
    },
  );
};
