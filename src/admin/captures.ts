import { Type } from 'typebox';
import { errorResponses } from '../errors/responses.js';
import { answerCursor, pageOf, pageQuery, readPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { TenantParams } from './schemas/common.js';

const route = { config: { scope: 'admin' } } as const;
const ANSWERS = 50;
const AnswerParams = Type.Object({ tenant: Type.String(), answerId: Type.String() });

const Info = {
  answerId: Type.String(),
  deployment: Type.String(),
  adapter: Type.Union([Type.String(), Type.Null()]),
  createdAt: Type.Integer({ description: 'Of the answer.' }),
  redacted: Type.Integer({ description: 'Pieces of personal data that were blanked out before it was written.' }),
};
const CaptureSchema = Type.Object({
  ...Info,
  question: Type.String(),
  answer: Type.String(),
  passages: Type.Array(
    Type.Object({ fileId: Type.Union([Type.String(), Type.Null()]), title: Type.String(), text: Type.String() }),
    { description: 'As the model was given them.' },
  ),
});

/** Texts of answers, where a tenant wants some of them kept. Whoever reads one leaves a line in the audit log. */
export const captureRoutes: AdminPlugin = async (app, { captures }) => {
  app.get(
    '/tenants/:tenant/captures',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listCaptures',
        summary: 'List answers whose texts were kept, the newest first',
        description: 'Without the texts. They are kept where `captureRate` of the data policy says so.',
        params: TenantParams,
        querystring: pageQuery(ANSWERS),
        response: { 200: pageOf(Type.Object(Info)), ...errorResponses },
      },
    },
    ({ params, query }) =>
      readPage(ANSWERS, query, answerCursor, (limit, before) => captures.list(params.tenant, { limit, before })),
  );

  app.get(
    '/tenants/:tenant/captures/:answerId',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'readCapture',
        summary: 'Read question, passages and answer',
        description: 'That it was read, and by whom, is a line of the audit log.',
        params: AnswerParams,
        response: { 200: CaptureSchema, ...errorResponses },
      },
    },
    ({ params }) => captures.read(params.tenant, params.answerId),
  );

  app.delete(
    '/tenants/:tenant/captures/:answerId',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'deleteCapture',
        summary: 'Delete the texts of an answer; its record stays',
        params: AnswerParams,
        response: { 200: Type.Object({ deleted: Type.Integer() }), ...errorResponses },
      },
    },
    async ({ params }) => {
      await captures.remove(params.tenant, params.answerId);
      return { deleted: 1 };
    },
  );
};
