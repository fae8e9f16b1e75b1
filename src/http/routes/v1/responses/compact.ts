/** `/v1/responses/compact`: a conversation in fewer tokens, so that it can go on in a context that it no longer fits into. */
import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import type { ChatMessage } from '../../../../contracts/prompt.js';
import { AppError } from '../../../../errors/app-error.js';
import { errorResponses } from '../../../../errors/responses.js';
import type { App, Services } from '../../../app.js';
import { noteAnswer } from '../../../plugins/log-fields.js';
import { nameIgnored } from '../ignored.js';
import { WITHOUT_EFFECT } from '../parameters.js';
import { RoutingHeaders, writeRoute } from '../routing.js';
import { itemId } from './items.js';
import { type Body, callerOf, toChatRequest } from './request.js';
import { toUsage } from './resource.js';
import { ResponseBody, UsageSchema } from './schema.js';
import { inputOf, messagesOf, ownerOf, saidBefore } from './store.js';

const { model, input, instructions, previous_response_id: previousId } = ResponseBody.properties;

const CompactBody = Type.Object(
  {
    ...{ model, instructions, previous_response_id: previousId },
    input: Type.Optional(Type.Union(input.anyOf)),
    prompt_cache_key: Type.Optional(Type.String({ description: WITHOUT_EFFECT })),
  },
  { additionalProperties: false },
);

const Compaction = Type.Object({
  id: Type.String(),
  object: Type.Literal('response.compaction'),
  created_at: Type.Integer(),
  output: Type.Array(
    Type.Object({
      type: Type.Literal('compaction'),
      id: Type.String(),
      encrypted_content: Type.String({ description: 'Opens for callers of the same tenant and groups alone.' }),
    }),
    { description: 'Begins the input of the next response; new items come behind it.' },
  ),
  usage: UsageSchema,
});

const SUMMARY_TOKENS = 512;
const ASK: ChatMessage = {
  role: 'user',
  content:
    'Summarise this conversation so that it can be continued from your summary alone. Keep names, numbers, decisions, results and open questions. Write the summary only.',
};

export function addCompaction(app: App, { registry, pipeline, clock }: Services): void {
  app.post(
    '/v1/responses/compact',
    {
      config: { scope: 'inference', keepsNothing: true },
      schema: {
        summary: 'Summarise a conversation into an item that a new response goes on from',
        operationId: 'compactResponse',
        tags: ['responses'],
        headers: RoutingHeaders,
        body: CompactBody,
        response: { 200: Compaction, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { body, principal } = request;
      nameIgnored(reply, body.prompt_cache_key === undefined ? [] : ['prompt_cache_key']);
      const owner = ownerOf(principal);
      const before = await saidBefore(registry, owner, body);
      const said = [
        ...before,
        ...messagesOf(registry, owner, await inputOf(registry, owner, body.input ?? []), 'input'),
      ];
      if (said.length === 0) {
        throw new AppError('invalid_value', { param: 'input', reason: 'is required where nothing came before it' });
      }
      const id = `resp_${randomUUID().replaceAll('-', '')}`;
      const { model, instructions } = body;
      const summing: Body = {
        ...{ model, input: [], tool_choice: 'none', retrieval: { enabled: false }, max_output_tokens: SUMMARY_TOKENS },
        ...(instructions !== undefined && { instructions }),
      };
      const chat = toChatRequest(callerOf(request), summing, id, [...said, ASK]);
      let summary = '';
      for await (const event of pipeline.chat(chat, request.hangUp)) {
        noteAnswer(request.logged, event);
        if (event.type === 'routed') writeRoute(reply, event.route);
        else if (event.type === 'delta') summary += event.text;
        else if (event.type === 'finished') {
          if (event.reason === 'content_filter') {
            const reason = 'is stopped by the safety policy of this deployment';
            throw new AppError('invalid_value', { param: 'input', reason });
          }
          const sealed = registry.sealText(owner, summary);
          return {
            id,
            object: 'response.compaction' as const,
            created_at: Math.floor(clock.now() / 1000),
            output: [{ type: 'compaction' as const, id: itemId('compaction'), encrypted_content: sealed }],
            usage: toUsage(event.usage),
          };
        }
      }
      // The client went away.
      return reply.hijack();
    },
  );
}
