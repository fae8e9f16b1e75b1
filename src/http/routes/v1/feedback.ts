import { Type } from 'typebox';
import { MAX_COMMENT } from '../../../contracts/registry-limits.js';
import { errorResponses } from '../../../errors/responses.js';
import { answerLabels } from '../../../metrics/answer-labels.js';
import type { App, Services } from '../../app.js';

const FeedbackBody = Type.Object(
  {
    completion_id: Type.String({ minLength: 1, description: 'The `id` of the answer.' }),
    rating: Type.Enum(['up', 'down']),
    comment: Type.Optional(Type.String({ maxLength: MAX_COMMENT })),
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
    async ({ principal, body }) => {
      const { completion_id: answerId, rating, comment = null } = body;
      const { answer, isFirst } = await registry.addFeedback(principal, { answerId, rating, comment });
      // A counter cannot take back: who thinks again changes the record, and is not counted twice.
      if (isFirst) metrics.add('feedback_total', { ...answerLabels(answer), rating });
      return { object: 'feedback' as const, completion_id: answerId, rating };
    },
  );
}
