import { type Static, Type } from 'typebox';
import { AppError } from '../../../errors/app-error.js';
import { errorResponses } from '../../../errors/responses.js';
import type { App, Services } from '../../app.js';
import { toMessages } from './chat-request.js';
import { Message } from './chat-schema.js';
import { checkRefused, type RefusedParameters, refusedFields } from './parameters.js';

/** More than any context holds. */
const MAX_TOKENS = 262_144;

const REFUSED = {
  add_generation_prompt: { reason: 'a chat always ends where the answer begins', harmless: Type.Literal(true) },
  continue_final_message: {
    reason: 'a chat always ends where the answer begins',
    harmless: Type.Literal(false),
  },
  chat_template: { reason: 'the model has its own' },
} satisfies RefusedParameters;

const model = Type.Optional(
  Type.String({ minLength: 1, description: 'A deployment, a version of it, or the base model, which is the default.' }),
);

const TokenizeBody = Type.Object(
  {
    model,
    prompt: Type.Optional(Type.String({ description: 'A text, or `messages`.' })),
    messages: Type.Optional(
      Type.Array(Message, {
        minItems: 1,
        description: "A chat as the model reads it: with the deployment's instructions, without passages.",
      }),
    ),
    add_special_tokens: Type.Optional(
      Type.Boolean({
        description: 'What the model puts before and behind a text: by default true for a prompt; a chat has its own.',
      }),
    ),
    return_token_strs: Type.Optional(Type.Boolean({ default: false })),
    ...refusedFields(REFUSED),
  },
  { additionalProperties: false },
);
type TokenizeBody = Static<typeof TokenizeBody>;

const Tokens = Type.Object(
  {
    count: Type.Integer(),
    max_model_len: Type.Integer(),
    tokens: Type.Array(Type.Integer()),
    token_strs: Type.Union([Type.Array(Type.String()), Type.Null()], {
      description: 'As the vocabulary spells them.',
    }),
  },
  { description: 'The tokens.' },
);

const DetokenizeBody = Type.Object(
  { model, tokens: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: MAX_TOKENS }) },
  { additionalProperties: false },
);

export function addTokenize(app: App, { engines, tokenizer, pipeline }: Services): void {
  const tags = ['generation'];
  const config = { scope: 'inference', keepsNothing: true } as const;

  app.post(
    '/v1/tokenize',
    {
      config,
      schema: {
        summary: 'The tokens of a text or of a chat',
        operationId: 'tokenize',
        tags,
        body: TokenizeBody,
        response: { 200: Tokens, ...errorResponses },
      },
    },
    async ({ principal, body, hangUp: signal }) => {
      checkRefused(REFUSED, body);
      const caller = { tenant: principal.tenant, signal };
      const { model: name = engines.base.id } = body;
      const { contextTokens } = await pipeline.checkModel(principal, name);
      const ids = [...(await encode(body))];
      return {
        count: ids.length,
        max_model_len: contextTokens,
        tokens: ids,
        token_strs: body.return_token_strs ? [...(await tokenizer.spell(ids, caller))] : null,
      };

      async function encode({ prompt, messages, add_special_tokens: special }: TokenizeBody) {
        if ((prompt === undefined) === (messages === undefined)) {
          throw new AppError('invalid_value', { param: 'prompt', reason: 'or messages must be given, and not both' });
        }
        if (messages !== undefined) {
          if (special) {
            const reason = 'a chat has the special tokens of its template';
            throw new AppError('unsupported_parameter', { param: 'add_special_tokens', reason });
          }
          return pipeline.tokensOf({ principal, model: name, messages: toMessages(messages), toolUse: null }, signal);
        }
        return special === false
          ? tokenizer.encodeBare(prompt!, caller)
          : tokenizer.encode({ kind: 'text', text: prompt! }, caller);
      }
    },
  );

  app.post(
    '/v1/detokenize',
    {
      config,
      schema: {
        summary: 'The text of tokens',
        operationId: 'detokenize',
        tags,
        body: DetokenizeBody,
        response: { 200: Type.Object({ prompt: Type.String() }, { description: 'The text.' }), ...errorResponses },
      },
    },
    async ({ principal, body, hangUp: signal }) => {
      await pipeline.checkModel(principal, body.model ?? engines.base.id);
      return { prompt: await tokenizer.decode(body.tokens, { tenant: principal.tenant, signal }) };
    },
  );
}
