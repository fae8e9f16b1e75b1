/** Anthropic's Messages: what is sent and what comes back. */
import { type TSchema, Type } from 'typebox';
import { Retrieval } from '../chat-schema.js';
import { type RefusedParameters, refusedFields, WITHOUT_EFFECT } from '../parameters.js';
import { Receipt } from '../receipts.js';
import { MAX_TOOLS } from '../tool-use.js';

const CacheControl = Type.Optional(
  Type.Unknown({ description: `What prompts begin with is cached by itself. ${WITHOUT_EFFECT}` }),
);
const TextBlock = Type.Object(
  {
    type: Type.Literal('text'),
    text: Type.String(),
    cache_control: CacheControl,
    citations: Type.Optional(Type.Unknown()),
  },
  { additionalProperties: false },
);

/** Open, because clients send back blocks of ours; what cannot be read is refused by name. */
const Block = Type.Object(
  {
    type: Type.String({ description: '`text`, `tool_use`, `tool_result`; thoughts that are sent back are left out.' }),
  },
  { additionalProperties: true },
);

const Message = Type.Object(
  {
    role: Type.Enum(['user', 'assistant', 'system']),
    content: Type.Union([Type.String(), Type.Array(Block, { minItems: 1 })]),
  },
  { additionalProperties: false },
);

const CustomTool = Type.Object(
  {
    type: Type.Optional(Type.Literal('custom')),
    name: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }),
    description: Type.Optional(Type.String()),
    input_schema: Type.Record(Type.String(), Type.Unknown()),
    strict: Type.Optional(Type.Boolean({ default: false })),
    eager_input_streaming: Type.Optional(
      Type.Boolean({ description: 'Without effect: arguments are passed on while they are written.' }),
    ),
    cache_control: CacheControl,
  },
  { additionalProperties: false },
);

/** Its type first, so that one of a tool that Anthropic runs is named. */
const Tool = Type.Intersect([Type.Object({ type: Type.Optional(Type.Enum(['custom'])) }), CustomTool]);

const parallel = { disable_parallel_tool_use: Type.Optional(Type.Boolean({ default: false })) };
const ToolChoice = Type.Union([
  Type.Object({ type: Type.Enum(['auto', 'any']), ...parallel }, { additionalProperties: false }),
  Type.Object({ type: Type.Literal('tool'), name: Type.String(), ...parallel }, { additionalProperties: false }),
  Type.Object({ type: Type.Literal('none') }, { additionalProperties: false }),
]);

export const MESSAGES_REFUSED = {
  thinking: {
    reason: 'how long a model thinks cannot be set',
    harmless: Type.Object({ type: Type.Enum(['disabled', 'adaptive']) }),
  },
  thread: { reason: 'nothing is kept here: the client sends the whole conversation' },
  container: { reason: 'nothing is run here' },
  mcp_servers: { reason: 'tools are run by the client' },
  context_management: { reason: 'the client decides what it sends' },
} satisfies RefusedParameters;

export const EFFORT = { effort: { reason: 'how long a model thinks cannot be set' } } satisfies RefusedParameters;

const OutputConfig = Type.Object(
  {
    format: Type.Optional(
      Type.Object(
        { type: Type.Literal('json_schema'), schema: Type.Record(Type.String(), Type.Unknown()) },
        { additionalProperties: false, description: 'An answer that max_tokens does not cut is such a text.' },
      ),
    ),
    ...refusedFields(EFFORT),
  },
  { additionalProperties: false },
);

/** What the prompt is made from. */
const promptFields = {
  model: Type.String({ minLength: 1, description: 'A deployment, a version of it, or the base model.' }),
  messages: Type.Array(Message, { minItems: 1, description: 'The last one is of the user.' }),
  system: Type.Optional(Type.Union([Type.String(), Type.Array(TextBlock)])),
  tools: Type.Optional(Type.Array(Tool, { maxItems: MAX_TOOLS })),
  tool_choice: Type.Optional(ToolChoice),
  output_config: Type.Optional(OutputConfig),
  cache_control: CacheControl,
  ...refusedFields(MESSAGES_REFUSED),
};

export const CountBody = Type.Object(promptFields, { additionalProperties: false });

export const MessagesBody = Type.Object(
  {
    ...promptFields,
    max_tokens: Type.Integer({ minimum: 1 }),
    stop_sequences: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 16 })),
    stream: Type.Optional(Type.Boolean({ default: false })),
    temperature: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        default: 0,
        description: '0, the default here (Anthropic: 1), always takes the likeliest token.',
      }),
    ),
    top_p: Type.Optional(Type.Number({ minimum: 0, maximum: 1, default: 1 })),
    top_k: Type.Optional(Type.Integer({ minimum: 0, default: 0 })),
    metadata: Type.Optional(
      Type.Object(
        {
          user_id: Type.Optional(
            Type.String({ maxLength: 256, description: 'Keeps one user on one arm of a canary.' }),
          ),
        },
        { additionalProperties: false },
      ),
    ),
    service_tier: Type.Optional(Type.Enum(['auto', 'standard_only'], { description: WITHOUT_EFFECT })),
    retrieval: Type.Optional(Retrieval),
    include_receipt: Type.Optional(
      Type.Boolean({ default: false, description: 'Extension. In one piece only: puts a receipt beside the answer.' }),
    ),
  },
  { additionalProperties: false },
);

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const Citation = Type.Object(
  {
    type: Type.Literal('search_result_location'),
    cited_text: Type.String(),
    title: nullable(Type.String()),
    source: Type.String({ description: "Path of the file's content." }),
    search_result_index: Type.Integer({ description: 'Of the passage, among those that the model was given.' }),
    start_block_index: Type.Integer(),
    end_block_index: Type.Integer(),
  },
  { description: 'A passage that the text names by its marker, as `[1]`.' },
);

export const Answer = Type.Object({
  id: Type.String(),
  type: Type.Literal('message'),
  role: Type.Literal('assistant'),
  model: Type.String({ description: 'Which version answered, as `assistant@2`.' }),
  content: Type.Array(
    Type.Union([
      Type.Object({ type: Type.Literal('thinking'), thinking: Type.String(), signature: Type.String() }),
      Type.Object({ type: Type.Literal('text'), text: Type.String(), citations: nullable(Type.Array(Citation)) }),
      Type.Object({
        type: Type.Literal('tool_use'),
        id: Type.String(),
        name: Type.String(),
        input: Type.Record(Type.String(), Type.Unknown()),
      }),
    ]),
  ),
  stop_reason: Type.Enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'refusal']),
  stop_sequence: nullable(Type.String()),
  usage: Type.Object({
    input_tokens: Type.Integer({ description: 'Without those that the cache had.' }),
    output_tokens: Type.Integer(),
    cache_read_input_tokens: Type.Integer(),
    cache_creation_input_tokens: Type.Integer({ description: '0: nothing is charged for it.' }),
  }),
  receipt: Type.Optional(Receipt),
});

export const ErrorBody = Type.Object(
  {
    type: Type.Literal('error'),
    error: Type.Object({
      type: Type.String(),
      message: Type.String(),
      details: Type.Optional(Type.Object({ error_code: Type.String() }, { description: 'What clients act on.' })),
    }),
    request_id: Type.String(),
  },
  { description: "An error, in Anthropic's envelope." },
);

export const MessagesQuery = Type.Object(
  { beta: Type.Optional(Type.Boolean({ description: "Of the client's beta part: it is answered alike." })) },
  { additionalProperties: false },
);

export const MessagesHeaders = {
  'anthropic-version': Type.Optional(
    Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'Every version is answered alike.' }),
  ),
  'anthropic-beta': Type.Optional(
    Type.String({ description: 'Without effect: what is not here is refused by its parameter.' }),
  ),
};
