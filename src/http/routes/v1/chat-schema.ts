import { type TSchema, Type } from 'typebox';
import { MAX_SEARCHED_STORES } from '../../../contracts/registry-limits.js';
import { Location } from './location.js';
import { generationFields, type RefusedParameters, refusedFields, WITHOUT_EFFECT } from './parameters.js';
import { Diversity, RankingOptions } from './ranking-options.js';
import { Receipt } from './receipts.js';
import { Filter } from './search-filter.js';
import { structuredFields } from './structured.js';
import { FunctionTool, MAX_TOOLS, NamedFunction, ToolCallSchema } from './tool-use.js';

const Content = Type.Union([
  Type.String(),
  Type.Array(Type.Object({ type: Type.String(), text: Type.Optional(Type.String()) }), {
    minItems: 1,
    description: 'Parts of type `text`.',
  }),
]);

/** Open, because clients send back whole messages of ours: annotations, context and all. */
export const Message = Type.Object({
  role: Type.Enum(['system', 'developer', 'user', 'assistant', 'tool']),
  tool_calls: Type.Optional(
    Type.Array(ToolCallSchema, {
      maxItems: MAX_TOOLS,
      description: 'What the assistant asked for; each is answered by a message of the role `tool`.',
    }),
  ),
  tool_call_id: Type.Optional(
    Type.String({ description: 'Of a message of the role `tool`: the call that it answers.' }),
  ),
  content: Type.Optional(Content),
  name: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: '^[^\\s<|\\\\/>]+$',
      description: 'Who speaks, where several have the same role: `name: ` is put before the content.',
    }),
  ),
});

export const Retrieval = Type.Object(
  {
    enabled: Type.Optional(Type.Boolean({ default: true })),
    store_id: Type.Optional(Type.String({ minLength: 1 })),
    vector_store_ids: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: MAX_SEARCHED_STORES })),
    mode: Type.Optional(Type.Enum(['vector', 'lexical', 'hybrid'])),
    filters: Type.Optional(Filter),
    top_k: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
    min_score: Type.Optional(Type.Number({ minimum: -1, maximum: 1 })),
    diversity: Type.Optional(Diversity),
  },
  {
    additionalProperties: false,
    description:
      "Extension. Overrides the deployment's retrieval. Without a store those of the deployment are searched, and where it names none, the tenant's oldest.",
  },
);

const Tool = Type.Object(
  {
    type: Type.Enum(['function', 'file_search']),
    function: Type.Optional(FunctionTool),
    vector_store_ids: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: MAX_SEARCHED_STORES })),
    max_num_results: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
    ranking_options: Type.Optional(RankingOptions),
    filters: Type.Optional(Filter),
  },
  { description: 'A `function`, which the caller runs, or `file_search`, which searches before every answer.' },
);

export const CHAT_REFUSED = {
  modalities: {
    reason: 'answers are plain text',
    harmless: Type.Array(Type.Literal('text'), { minItems: 1, maxItems: 1 }),
  },
  audio: { reason: 'answers are plain text' },
  functions: { reason: 'it is called tools now' },
  function_call: { reason: 'it is called tool_choice now' },
  reasoning_effort: { reason: 'the model does not reason before it answers' },
  verbosity: { reason: 'it has no effect on this model' },
  web_search_options: { reason: 'only the documents of the tenant are searched' },
} satisfies RefusedParameters;

export const ChatBody = Type.Object(
  {
    messages: Type.Array(Message, { minItems: 1 }),
    ...generationFields,
    max_completion_tokens: Type.Optional(
      Type.Integer({ minimum: 1, description: 'The newer name of max_tokens; goes before it.' }),
    ),
    logprobs: Type.Optional(Type.Boolean({ default: false })),
    top_logprobs: Type.Optional(Type.Integer({ minimum: 0, maximum: 20, description: 'Needs logprobs.' })),
    ...structuredFields,
    retrieval: Type.Optional(Retrieval),
    tools: Type.Optional(Type.Array(Tool, { maxItems: MAX_TOOLS })),
    tool_choice: Type.Optional(
      Type.Union(
        [Type.Enum(['auto', 'none', 'required']), NamedFunction, Type.Object({ type: Type.Literal('file_search') })],
        { description: '`none`: no function is asked for; a file_search tool runs with every other value.' },
      ),
    ),
    metadata: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: `\`conversation_id\` keeps one conversation on one arm of a canary. Others: ${WITHOUT_EFFECT}`,
      }),
    ),
    safety_identifier: Type.Optional(Type.String({ description: WITHOUT_EFFECT })),
    prompt_cache_key: Type.Optional(Type.String({ description: 'Like user.' })),
    prompt_cache_retention: Type.Optional(Type.String({ description: WITHOUT_EFFECT })),
    chat_template_kwargs: Type.Optional(
      Type.Record(Type.String(), Type.Boolean(), {
        maxProperties: 8,
        description: "Extension. Switches of the base's chat template, e.g. `enable_thinking`.",
      }),
    ),
    parallel_tool_calls: Type.Optional(
      Type.Boolean({ default: true, description: 'Whether one answer may ask for several calls.' }),
    ),
    prediction: Type.Optional(Type.Unknown({ description: WITHOUT_EFFECT })),
    ...refusedFields(CHAT_REFUSED),
  },
  { additionalProperties: false },
);

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const UsageSchema = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
  prompt_tokens_details: Type.Object({
    cached_tokens: Type.Integer({ description: 'Tokens of the prompt that an earlier request had computed.' }),
  }),
});

const TokenLogprob = {
  token: Type.String(),
  logprob: Type.Number(),
  bytes: Type.Array(Type.Integer()),
};

export const ChatCompletion = Type.Object({
  id: Type.String(),
  object: Type.Literal('chat.completion'),
  created: Type.Integer(),
  model: Type.String({ description: 'Which version answered, as `assistant@2`.' }),
  system_fingerprint: Type.String({ description: 'Changes with the weights of the base model.' }),
  choices: Type.Array(
    Type.Object({
      index: Type.Integer(),
      message: Type.Object({
        role: Type.Literal('assistant'),
        content: nullable(Type.String({ description: 'null where the answer only asks for calls.' })),
        refusal: Type.Null(),
        reasoning_content: Type.Optional(
          Type.String({ description: 'Extension. What a reasoning model thought before it answered.' }),
        ),
        tool_calls: Type.Optional(Type.Array(ToolCallSchema)),
        annotations: Type.Optional(
          Type.Array(
            Type.Object({
              type: Type.Literal('url_citation'),
              url_citation: Type.Object(
                {
                  start_index: Type.Integer(),
                  end_index: Type.Integer(),
                  url: Type.String({ description: "Path of the file's content." }),
                  title: Type.String(),
                },
                { description: "The one kind of annotation that OpenAI's clients know in a chat." },
              ),
              file_citation: Type.Object(
                {
                  index: Type.Integer({ description: 'Where the marker stands in the text.' }),
                  file_id: Type.String(),
                  filename: Type.String(),
                  location: Location,
                },
                { description: 'Extension.' },
              ),
            }),
          ),
        ),
        context: Type.Optional(
          Type.Object(
            {
              citations: Type.Array(
                Type.Object({
                  marker: Type.String({ description: 'What stands for the passage in the text: `[1]`.' }),
                  content: Type.String(),
                  title: Type.String(),
                  url: Type.Null(),
                  filepath: Type.String(),
                  chunk_id: Type.String(),
                  file_id: Type.String(),
                  location: Location,
                }),
                { description: 'The passages that the model was given.' },
              ),
              left_out: Type.Array(
                Type.Object({
                  title: Type.String(),
                  filepath: Type.String(),
                  chunk_id: Type.String(),
                  file_id: Type.String(),
                  location: Location,
                }),
                { description: 'Passages that were found, but for which the prompt had no room.' },
              ),
              max_completion_tokens: nullable(
                Type.Integer({
                  description: 'What the limit of the answer was lowered to, so that passages found room; else null.',
                }),
              ),
            },
            { description: 'What the answer was to be taken from.' },
          ),
        ),
      }),
      logprobs: nullable(
        Type.Object({
          content: Type.Array(Type.Object({ ...TokenLogprob, top_logprobs: Type.Array(Type.Object(TokenLogprob)) })),
          refusal: Type.Null(),
        }),
      ),
      finish_reason: Type.Enum(['stop', 'length', 'tool_calls', 'content_filter']),
    }),
  ),
  usage: UsageSchema,
  receipt: Type.Optional(Receipt),
});
