import { type Static, Type } from 'typebox';
import type { EvaluationRun } from '../contracts/evaluations.js';
import {
  MAX_EVAL_QUESTION,
  MAX_EVAL_QUESTIONS,
  MAX_TRAINER,
  NAME_PATTERN,
  SHA256_PATTERN,
} from '../contracts/registry-limits.js';
import { errorResponses } from '../errors/responses.js';
import { checkQuestion } from '../evaluation/dataset.js';
import { changedBy } from './conditions.js';
import { numberCursor, PageQuery, pageOf, pageQuery, readPage, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { closed, Name, nullable, TenantParams, Time, Version } from './schemas/common.js';

const route = { config: { scope: 'release' } } as const;
const tags = ['admin'];
/** Of a page of answers. */
const ANSWERS = 100;
const Text = Type.String({ minLength: 1, maxLength: MAX_EVAL_QUESTION });
const Question = Type.Object(
  {
    id: Type.String({ minLength: 1, maxLength: 200 }),
    question: Text,
    answerable: Type.Boolean({ description: 'Whether the documents hold the answer. If not, a refusal is right.' }),
    accept: Type.Optional(
      Type.Array(Text, {
        maxItems: 64,
        description:
          'Spellings of the fact, any of which an answer must hold. Needed where it is answerable, none where it is not.',
      }),
    ),
    document: Type.Optional(
      nullable(
        Type.String({
          maxLength: 1000,
          description:
            'File name of the document that holds the fact. Needed where it is answerable, null where it is not.',
        }),
      ),
    ),
    heading: Type.Optional(nullable(Type.String({ maxLength: 1000 }))),
  },
  { ...closed, description: 'A line of a file of questions, as `npm run eval` reads it.' },
);
const Retrieval = Type.Object(
  {
    enabled: Type.Optional(Type.Boolean({ default: true })),
    topK: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 50 }))),
    minScore: Type.Optional(nullable(Type.Number({ minimum: 0, maximum: 1 }))),
  },
  { ...closed, description: 'Left out, here and within: as the deployment has it.' },
);
const RunBody = Type.Object(
  {
    adapter: Name,
    version: Version,
    deployment: Type.Optional(
      Type.String({
        pattern: NAME_PATTERN,
        description: 'Whose instructions, documents and policy it answers with. Left out: the only one of the adapter.',
      }),
    ),
    name: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_TRAINER, description: 'Of the report.' })),
    retrieval: Type.Optional(Retrieval),
    questions: Type.Array(Question, { minItems: 1, maxItems: MAX_EVAL_QUESTIONS }),
  },
  closed,
);
const RunSchema = Type.Object(
  {
    id: Type.String(),
    tenant: Type.String(),
    adapter: Name,
    version: Version,
    deployment: Type.String(),
    name: Type.String(),
    retrieval: nullable(
      Type.Object({
        enabled: Type.Boolean(),
        topK: nullable(Type.Integer()),
        minScore: nullable(Type.Number()),
      }),
    ),
    questions: Type.Integer(),
    answered: Type.Integer(),
    dataDigest: Type.String({ pattern: SHA256_PATTERN, description: 'SHA-256 of the questions.' }),
    startedBy: Type.String({ description: 'Id of a key, or `operator`.' }),
    status: Type.Enum(['queued', 'running', 'completed', 'failed', 'cancelled'], {
      description: 'queued may be one that was interrupted and goes on later; the last three are final.',
    }),
    attempts: Type.Integer({ description: 'How often it was begun.' }),
    progress: Type.Number({ description: 'The share of its questions that is answered, 0 … 1.' }),
    estimatedSecondsLeft: nullable(
      Type.Integer({ description: 'By its own pace, or that of others before it; null where neither is known.' }),
    ),
    error: nullable(
      Type.Object({ code: Type.String(), message: Type.String() }, { description: 'Of the last attempt.' }),
    ),
    createdAt: Time,
    startedAt: nullable(Time),
    finishedAt: nullable(Time),
    figures: nullable(
      Type.Record(Type.String(), Type.Number(), {
        description: 'Shares from 0 to 1, named as `npm run eval` names them, and how many questions they are of.',
      }),
    ),
    report: nullable(
      Type.Integer({
        description: 'Number of the report among the evaluations of the version; null: not yet, or there are too many.',
      }),
    ),
  },
  { description: 'It is forgotten a week after its end; the report stays with the version.' },
);
const AnswerSchema = Type.Object({
  position: Type.Integer({ description: 'Of the question, from 0 on.' }),
  id: Type.String(),
  question: Type.String(),
  answer: nullable(
    Type.String({
      description: 'null: the tenant keeps no texts of responses, or documents were purged since.',
    }),
  ),
  right: Type.Boolean({ description: 'It holds the fact and refuses nothing; or refuses what has no answer.' }),
  score: Type.Record(Type.String(), Type.Union([Type.Boolean(), Type.Integer()])),
});
const RunParams = Type.Object({ tenant: Type.String(), id: Type.String() });
const byPosition = numberCursor(({ position }: { readonly position: number }) => position);

/** Evaluations that the gateway runs behind everything else. */
export const evaluationRoutes: AdminPlugin = async (app, { registry }) => {
  app.post(
    '/tenants/:tenant/evaluation-runs',
    {
      ...route,
      schema: {
        tags,
        operationId: 'startEvaluationRun',
        summary: 'Ask an adapter version questions whose answers are known, behind everything else',
        description:
          'It goes on after a restart, and takes what requests leave of the engine. Its answers are in no quota, record, signal or metric of answers. What comes of it is added to the evaluations of the version. The same questions of the same version again, while it waits or runs, begin no second one: they give this one.',
        params: TenantParams,
        body: RunBody,
        response: { 202: RunSchema, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      const questions = body.questions.map(({ accept = [], document = null, heading = null, ...rest }, index) => {
        const question = { ...rest, accept, document, heading };
        checkQuestion(question, `questions[${index}]`);
        return question;
      });
      const retrieval = body.retrieval === undefined ? null : toRetrieval(body.retrieval);
      const run = await registry.startEvaluationRun({ ...params, ...body, retrieval, questions }, changedBy(request));
      request.logged.result = { id: run.id, questions: run.questions };
      return reply.code(202).send(toAnswer(run));
    },
  );

  app.get(
    '/tenants/:tenant/evaluation-runs',
    {
      ...route,
      schema: {
        tags,
        operationId: 'listEvaluationRuns',
        summary: 'List evaluations that wait, run or are over, the newest first',
        params: TenantParams,
        querystring: PageQuery,
        response: { 200: pageOf(RunSchema), ...errorResponses },
      },
    },
    async ({ params, query }) =>
      toPage((await registry.listEvaluationRuns(params.tenant)).map(toAnswer), ({ id }) => id, query),
  );

  app.get(
    '/tenants/:tenant/evaluation-runs/:id',
    {
      ...route,
      schema: {
        tags,
        operationId: 'getEvaluationRun',
        summary: 'How far an evaluation is, and what came of it',
        params: RunParams,
        response: { 200: RunSchema, ...errorResponses },
      },
    },
    async ({ params: { tenant, id } }) => toAnswer(await registry.getEvaluationRun(tenant, id)),
  );

  app.get(
    '/tenants/:tenant/evaluation-runs/:id/answers',
    {
      ...route,
      schema: {
        tags,
        operationId: 'listEvaluationAnswers',
        summary: 'List what a version answered in an evaluation, and what each answer is worth',
        params: RunParams,
        querystring: pageQuery(ANSWERS),
        response: { 200: pageOf(AnswerSchema), ...errorResponses },
      },
    },
    async ({ params: { tenant, id }, query }) => {
      const page = await readPage(ANSWERS, query, byPosition, (limit, after) =>
        registry.listEvaluationAnswers(tenant, id, { from: after === null ? 0 : after + 1, limit }),
      );
      const data = page.data.map(({ position, question, score, text }) => ({
        ...{ position, id: question.id, question: question.question, answer: text, score: { ...score } },
        right: score.answerable ? score.fact && !score.refused : score.refused,
      }));
      return { ...page, data };
    },
  );

  app.post(
    '/tenants/:tenant/evaluation-runs/:id/cancel',
    {
      ...route,
      schema: {
        tags,
        operationId: 'cancelEvaluationRun',
        summary: 'Call off an evaluation; one that is over stays as it is',
        params: RunParams,
        response: { 200: RunSchema, ...errorResponses },
      },
    },
    async ({ params: { tenant, id } }) => toAnswer(await registry.cancelEvaluationRun(tenant, id)),
  );
};

function toRetrieval({ enabled = true, topK = null, minScore = null }: Static<typeof Retrieval>) {
  return { enabled, topK, minScore };
}

function toAnswer({ leftMs, figures, error, ...run }: EvaluationRun) {
  return {
    ...run,
    progress: run.answered / run.questions,
    estimatedSecondsLeft: leftMs === null ? null : Math.ceil(leftMs / 1000),
    figures: figures && { ...figures },
    error: error && { ...error },
  };
}
