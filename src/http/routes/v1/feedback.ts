import { type Static, Type } from 'typebox';
import type { Correction } from '../../../contracts/registry.js';
import {
  FEEDBACK_CATEGORIES,
  MAX_COMMENT,
  MAX_CORRECTION,
  MAX_CORRECTION_MESSAGES,
} from '../../../contracts/registry-limits.js';
import { AppError } from '../../../errors/app-error.js';
import { errorResponses } from '../../../errors/responses.js';
import { answerLabels } from '../../../metrics/answer-labels.js';
import type { App, Services } from '../../app.js';

/** What clients of the several APIs call it: `answer_id` is ours, as in receipts. */
const ID_NAMES = ['answer_id', 'completion_id', 'response_id', 'message_id', 'id'] as const;
const otherName = Type.Optional(
  Type.String({ minLength: 1, deprecated: true, description: 'Another name of `answer_id`.' }),
);

const FeedbackBody = Type.Object(
  {
    answer_id: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'The `id` of the answer, of whichever API and of a streamed one too. Required, by one of its names.',
      }),
    ),
    completion_id: otherName,
    response_id: otherName,
    message_id: otherName,
    id: otherName,
    rating: Type.Optional(Type.Enum(['up', 'down'])),
    score: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'Where a thumb is too coarse.' })),
    categories: Type.Optional(
      Type.Array(Type.Enum([...FEEDBACK_CATEGORIES]), {
        maxItems: FEEDBACK_CATEGORIES.length,
        description: 'What is wrong with it.',
      }),
    ),
    comment: Type.Optional(Type.String({ maxLength: MAX_COMMENT })),
    corrected_answer: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_CORRECTION,
        description: 'What should have been answered. Needs `messages`, and that the tenant consents to training.',
      }),
    ),
    messages: Type.Optional(
      Type.Array(
        Type.Object(
          { role: Type.Enum(['system', 'user', 'assistant']), content: Type.String() },
          { additionalProperties: false },
        ),
        {
          minItems: 1,
          maxItems: MAX_CORRECTION_MESSAGES,
          description:
            'The conversation up to the corrected answer, since prompts are not kept: the turn of the user is the last.',
        },
      ),
    ),
  },
  { additionalProperties: false },
);

export function addFeedback(app: App, { registry, metrics }: Services): void {
  app.post(
    '/v1/feedback',
    {
      config: { scope: 'inference' },
      schema: {
        summary: 'Rate or correct an answer',
        description: 'Each caller (key) has one opinion of each answer: the last is kept.',
        operationId: 'createFeedback',
        tags: ['generation'],
        body: FeedbackBody,
        response: {
          200: Type.Object(
            {
              object: Type.Literal('feedback'),
              answer_id: Type.String(),
              completion_id: Type.String({ deprecated: true, description: 'As `answer_id`.' }),
              rating: Type.Union([Type.Enum(['up', 'down']), Type.Null()]),
            },
            { description: 'What was noted.' },
          ),
          ...errorResponses,
        },
      },
    },
    async ({ principal, body, logged }) => {
      const answerId = answerIdOf(body);
      const { rating = null, score = null, categories = [], comment = null } = body;
      const correction = toCorrection(body);
      const feedback = { answerId, rating, score, categories, comment, correction };
      const { answer, isFirst } = await registry.addFeedback(principal, feedback);
      logged.subject = { answer: answerId };
      // A counter cannot take back: who thinks again changes the record, and is not counted twice.
      if (isFirst && rating !== null) metrics.add('feedback_total', { ...answerLabels(answer), rating });
      return { object: 'feedback' as const, answer_id: answerId, completion_id: answerId, rating };
    },
  );
}

/** @throws AppError `invalid_value` where there is none, or several that are not the same */
function answerIdOf(body: Static<typeof FeedbackBody>): string {
  const [name, ...others] = ID_NAMES.filter((one) => body[one] !== undefined);
  if (name === undefined) {
    throw new AppError('invalid_value', { param: 'answer_id', reason: 'is required. It is the `id` of the answer' });
  }
  const other = others.find((one) => body[one] !== body[name]);
  if (other === undefined) return body[name]!;
  const reason = `is another one than ${name}, and feedback is about one answer. Leave one of them out`;
  throw new AppError('invalid_value', { param: other, reason });
}

function toCorrection({ corrected_answer: answer, messages }: Static<typeof FeedbackBody>): Correction | null {
  if (answer === undefined && messages === undefined) return null;
  if (answer !== undefined && messages !== undefined) return { messages, answer };
  const [param, other] = answer === undefined ? ['messages', 'corrected_answer'] : ['corrected_answer', 'messages'];
  throw new AppError('invalid_value', { param, reason: `needs ${other} beside it` });
}
