import { Type } from 'typebox';
import { answerLabels } from '../../../pipeline/record.js';
import type { App, Services } from '../../app.js';
import { errorResponses } from '../../plugins/docs.js';

const FeedbackBody = Type.Object(
  {
    completion_id: Type.String({ minLength: 1, description: 'The `id` of the answer.' }),
    rating: Type.Enum(['up', 'down']),
    comment: Type.Optional(Type.String({ maxLength: 4096 })),
  },
  { additionalProperties: false },
);

export function addFeedback(app: App, { registry, metrics }: Services): void {
  app.post(
    '/v1/feedback',
    {
      config: { scope: 'inference' },
      schema: {
        summary: 'Rate an answer',
        operationId: 'createFeedback',
        tags: ['generation'],
        body: FeedbackBody,
        response: {
          200: Type.Object(
            {
              object: Type.Literal('feedback'),
              completion_id: Type.String(),
              rating: Type.Enum(['up', 'down']),
            },
            { description: 'What was noted.' },
          ),
          ...errorResponses,
        },
      },
    },
    async ({ principal: { tenant }, body }) => {
      const { completion_id: answerId, rating, comment = null } = body;
      const answer = await registry.getAnswer(tenant, answerId);
      await registry.addFeedback(tenant, { answerId, rating, comment });
      metrics.add('feedback_total', { ...answerLabels(answer), rating });
      return { object: 'feedback' as const, completion_id: answerId, rating };
    },
  );
}
