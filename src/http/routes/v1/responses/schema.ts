/** OpenAI's Responses: what is sent and what comes back. */
import { type TSchema, Type } from 'typebox';
import { Retrieval } from '../chat-schema.js';
import { FileSearchTool } from '../file-search.js';
import { type RefusedParameters, refusedFields, WITHOUT_EFFECT } from '../parameters.js';
import { FunctionTool as Definition, MAX_TOOLS } from '../tool-use.js';

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** Open, because clients send back whole items of ours; what cannot be read is refused by name. */
export const InputItem = Type.Object(
  {
    type: Type.Optional(
      Type.String({
        description:
          '`message`, `function_call`, `function_call_output`, `compaction`, `item_reference` (to an item of a response that is kept). Reasoning and searches that are sent back are left out.',
      }),
    ),
  },
  { additionalProperties: true },
);

const FunctionTool = Type.Object(
  { type: Type.Literal('function'), ...Definition.properties },
  { additionalProperties: false },
);

/** Its type first, so that of another one it is said which there are. */
const Tool = Type.Intersect([
  Type.Object({ type: Type.Enum(['function', 'file_search']) }),
  Type.Union([FunctionTool, FileSearchTool]),
]);

export const RESPONSES_REFUSED = {
  prompt: { reason: 'prompts are written into instructions' },
  truncation: { reason: 'nothing is left out of a conversation', harmless: Type.Literal('disabled') },
  reasoning: {
    reason: 'how long a model thinks cannot be set',
    harmless: Type.Object({ effort: Type.Optional(Type.Null()), summary: Type.Optional(Type.Null()) }),
  },
  max_tool_calls: { reason: 'a response asks for calls once' },
  context_management: { reason: 'nothing is left out of a conversation' },
} satisfies RefusedParameters;

export const Metadata = Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 512 }), {
  maxProperties: 16,
});

const INCLUDE = ['file_search_call.results', 'message.output_text.logprobs', 'reasoning.encrypted_content'] as const;

const Format = Type.Union(
  [
    Type.Object({ type: Type.Literal('text') }, { additionalProperties: false }),
    Type.Object({ type: Type.Literal('json_object') }, { additionalProperties: false }),
    Type.Object(
      {
        type: Type.Literal('json_schema'),
        name: Type.Optional(Type.String({ maxLength: 64 })),
        description: Type.Optional(Type.String()),
        schema: Type.Object({}),
        strict: Type.Optional(Type.Boolean({ description: 'The schema is kept to either way.' })),
      },
      { additionalProperties: false },
    ),
  ],
  { description: 'An answer that max_output_tokens does not cut is such a text.' },
);

export const ResponseBody = Type.Object(
  {
    model: Type.String({ minLength: 1, description: 'A deployment, a version of it, or the base model.' }),
    input: Type.Union([Type.String(), Type.Array(InputItem, { minItems: 1 })]),
    instructions: Type.Optional(Type.String({ description: 'Of this response alone; they come before the input.' })),
    previous_response_id: Type.Optional(
      Type.String({ description: 'Goes on from it, with all that it went on from.' }),
    ),
    conversation: Type.Optional(
      Type.Union([Type.String(), Type.Object({ id: Type.String() }, { additionalProperties: false })], {
        description: 'Its items come before the input; input and output are added to it, whatever store says.',
      }),
    ),
    store: Type.Optional(
      Type.Boolean({
        description: 'Keeps input and output. By default true, unless the data policy of the tenant forbids it.',
      }),
    ),
    background: Type.Optional(
      Type.Boolean({ default: false, description: 'Answers behind the request. Needs store; not with stream.' }),
    ),
    stream: Type.Optional(Type.Boolean({ default: false })),
    stream_options: Type.Optional(
      Type.Object(
        { include_obfuscation: Type.Optional(Type.Boolean()) },
        { additionalProperties: false, description: WITHOUT_EFFECT },
      ),
    ),
    tools: Type.Optional(Type.Array(Tool, { maxItems: MAX_TOOLS })),
    tool_choice: Type.Optional(
      Type.Union([
        Type.Enum(['auto', 'none', 'required']),
        Type.Object({ type: Type.Literal('function'), name: Type.String() }, { additionalProperties: false }),
        Type.Object({ type: Type.Literal('file_search') }, { additionalProperties: false }),
      ]),
    ),
    parallel_tool_calls: Type.Optional(Type.Boolean({ default: true })),
    text: Type.Optional(
      Type.Object(
        {
          format: Type.Optional(Format),
          verbosity: Type.Optional(Type.Enum(['low', 'medium', 'high'], { description: WITHOUT_EFFECT })),
        },
        { additionalProperties: false },
      ),
    ),
    include: Type.Optional(Type.Array(Type.Enum(INCLUDE))),
    temperature: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 2,
        default: 0,
        description: '0, the default here (OpenAI: 1), always takes the likeliest token.',
      }),
    ),
    top_p: Type.Optional(Type.Number({ minimum: 0, maximum: 1, default: 1 })),
    presence_penalty: Type.Optional(Type.Number({ minimum: -2, maximum: 2, default: 0 })),
    frequency_penalty: Type.Optional(Type.Number({ minimum: -2, maximum: 2, default: 0 })),
    top_logprobs: Type.Optional(Type.Integer({ minimum: 0, maximum: 20, default: 0 })),
    max_output_tokens: Type.Optional(Type.Integer({ minimum: 1 })),
    metadata: Type.Optional(
      Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 512 }), {
        maxProperties: 16,
        description: 'Comes back with the response. `conversation_id` keeps one conversation on one arm of a canary.',
      }),
    ),
    user: Type.Optional(
      Type.String({ description: 'Keeps one user on one arm of a canary, and lets what is kept be forgotten.' }),
    ),
    safety_identifier: Type.Optional(Type.String({ description: 'Like user.' })),
    prompt_cache_key: Type.Optional(Type.String({ description: WITHOUT_EFFECT })),
    prompt_cache_retention: Type.Optional(Type.String({ description: WITHOUT_EFFECT })),
    service_tier: Type.Optional(
      Type.Enum(['auto', 'default', 'flex', 'scale', 'priority'], {
        description: '`flex` gets what other requests leave; every other tier is served alike.',
      }),
    ),
    retrieval: Type.Optional(Retrieval),
    ...refusedFields(RESPONSES_REFUSED),
  },
  { additionalProperties: false },
);

export const ItemSchema = Type.Object(
  { type: Type.String(), id: Type.String() },
  { additionalProperties: true, description: 'A `message`, a `function_call`, a `file_search_call`, or `reasoning`.' },
);

export const UsageSchema = Type.Object({
  input_tokens: Type.Integer(),
  input_tokens_details: Type.Object({ cached_tokens: Type.Integer() }),
  output_tokens: Type.Integer(),
  output_tokens_details: Type.Object({ reasoning_tokens: Type.Integer() }),
  total_tokens: Type.Integer(),
});

export const ResponseResource = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('response'),
    created_at: Type.Integer(),
    completed_at: nullable(Type.Integer()),
    status: Type.Enum(['queued', 'in_progress', 'completed', 'incomplete', 'failed', 'cancelled']),
    model: Type.String({ description: 'Which version answered, as `assistant@2`.' }),
    output: Type.Array(ItemSchema),
    error: nullable(Type.Object({ code: Type.String(), message: Type.String() })),
    incomplete_details: nullable(Type.Object({ reason: Type.Enum(['max_output_tokens', 'content_filter']) })),
    usage: nullable(UsageSchema),
    previous_response_id: nullable(Type.String()),
    conversation: nullable(Type.Object({ id: Type.String() })),
    instructions: nullable(Type.String()),
    store: Type.Boolean(),
    background: Type.Boolean(),
    metadata: Type.Record(Type.String(), Type.String()),
  },
  { additionalProperties: true, description: 'The response, with the parameters of its request.' },
);

export const InputItems = Type.Object(
  {
    object: Type.Literal('list'),
    data: Type.Array(ItemSchema),
    first_id: nullable(Type.String()),
    last_id: nullable(Type.String()),
    has_more: Type.Boolean(),
  },
  { description: 'One page.' },
);
