import { randomUUID } from 'node:crypto';
import { type Static, Type } from 'typebox';
import type { Moderation } from '../../../contracts/safety.js';
import { AppError } from '../../../errors/app-error.js';
import { errorResponses } from '../../../errors/responses.js';
import type { App, Services } from '../../app.js';
import { givenOf, nameIgnored } from './ignored.js';

const MODEL = 'switchyard-moderation';
const MAX_INPUTS = 128;

const Part = Type.Object({ type: Type.String(), text: Type.Optional(Type.String()) });
const ModerationsBody = Type.Object(
  {
    input: Type.Union(
      [
        Type.String({ minLength: 1 }),
        Type.Array(Type.String(), { minItems: 1, maxItems: MAX_INPUTS }),
        Type.Array(Part, { minItems: 1, maxItems: MAX_INPUTS }),
      ],
      { description: 'A text, several, or the text parts of one.' },
    ),
    model: Type.Optional(
      Type.String({ description: `Without effect: \`${MODEL}\` looks, and \`x-ignored-parameters\` says so.` }),
    ),
  },
  { additionalProperties: false },
);

const Moderations = Type.Object(
  {
    id: Type.String(),
    model: Type.Literal(MODEL),
    results: Type.Array(
      Type.Object({
        flagged: Type.Boolean({ description: 'Whether any category is.' }),
        categories: Type.Record(Type.String(), Type.Boolean(), {
          description:
            "`profanity`, `personal_data/…` by kind (`name` and `address` where a model for them is configured), and `prompt_injection` where the embedding model is the one that it is told by. None of OpenAI's: what is not looked for is not called absent.",
        }),
        category_scores: Type.Record(Type.String(), Type.Number(), {
          description: '0 or 1 where a pattern finds or does not; of `prompt_injection` a probability.',
        }),
        category_applied_input_types: Type.Record(Type.String(), Type.Array(Type.Literal('text'))),
      }),
    ),
  },
  { description: 'One result a text.' },
);

export function addModerations(app: App, { safety }: Services): void {
  app.post(
    '/v1/moderations',
    {
      config: { scope: 'inference', keepsNothing: true },
      schema: {
        summary: 'What the detectors of the safety policies find in a text',
        operationId: 'createModeration',
        tags: ['safety'],
        body: ModerationsBody,
        response: { 200: Moderations, ...errorResponses },
      },
    },
    async ({ principal, body, hangUp }, reply) => {
      if (body.model !== MODEL) nameIgnored(reply, givenOf(body, ['model']));
      const moderations = await safety.moderate(principal.tenant, toTexts(body.input), hangUp);
      return { id: `modr-${randomUUID().replaceAll('-', '')}`, model: MODEL, results: moderations.map(toWire) };
    },
  );
}

function toTexts(input: Static<typeof ModerationsBody>['input']): string[] {
  if (typeof input === 'string') return [input];
  const texts: string[] = [];
  const parts: string[] = [];
  for (const [index, item] of input.entries()) {
    if (typeof item === 'string') texts.push(item);
    else if (item.type === 'text' && item.text !== undefined) parts.push(item.text);
    else {
      const param = `input[${index}]`;
      throw new AppError('unsupported_parameter', { param, reason: 'only text can be looked at' });
    }
  }
  return parts.length === 0 ? texts : [parts.join('\n')];
}

function toWire(moderation: Moderation) {
  const each = <T>(value: (found: Moderation[string]) => T): Record<string, T> =>
    Object.fromEntries(Object.entries(moderation).map(([category, found]) => [category, value(found)]));
  return {
    flagged: Object.values(moderation).some(({ isFlagged }) => isFlagged),
    categories: each(({ isFlagged }) => isFlagged),
    category_scores: each(({ score }) => score),
    category_applied_input_types: each(() => ['text' as const]),
  };
}
