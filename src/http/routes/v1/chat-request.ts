import type { Static } from 'typebox';
import type { ChatMessage } from '../../../contracts/prompt.js';
import { AppError } from '../../../errors/app-error.js';
import type { RetrievalOverride } from '../../../pipeline/types.js';
import type { ChatBody, Retrieval } from './chat-schema.js';
import { givenOf, otherMembers } from './ignored.js';
import { toMode } from './ranking-options.js';
import { toFilter } from './search-filter.js';

type Body = Static<typeof ChatBody>;
type Message = Body['messages'][number];

const TOOLS_REFUSED = 'only the tool file_search can be used';

const WITHOUT_EFFECT = ['store', 'prompt_cache_retention', 'parallel_tool_calls', 'prediction'] as const;
/** What is read of a message, and what our own answers have beside it when they are sent back. */
const MESSAGE_MEMBERS = new Set([
  ...['role', 'content', 'name', 'tool_calls', 'function_call'],
  ...['annotations', 'context', 'refusal', 'audio'],
]);
const PART_MEMBERS = new Set(['type', 'text']);
const METADATA = new Set(['conversation_id']);

/** Names of what the request holds and what has no effect. */
export function ignoredOf(body: Body): string[] {
  const ofMessages = body.messages.flatMap((message, index) => {
    const at = `messages[${index}]`;
    const parts = Array.isArray(message.content) ? message.content : [];
    return [
      ...otherMembers(message, MESSAGE_MEMBERS, at),
      ...parts.flatMap((part, number) => otherMembers(part, PART_MEMBERS, `${at}.content[${number}]`)),
    ];
  });
  return [
    ...givenOf(body, WITHOUT_EFFECT),
    ...(body.stream_options?.include_obfuscation ? ['stream_options.include_obfuscation'] : []),
    ...otherMembers(body.metadata ?? {}, METADATA, 'metadata'),
    ...ofMessages,
  ];
}

/** The messages as text; refuses what the model could not see. */
export function toMessages(messages: readonly Message[]): ChatMessage[] {
  return messages.map((message, index) => {
    refuseToolUse(message, `messages[${index}]`);
    const role = message.role === 'developer' ? 'system' : message.role;
    const text = toText(message, index);
    // A template has no place for names, but who is who must reach the model.
    return { role, content: message.name === undefined ? text : `${message.name}: ${text}` };
  });
}

function refuseToolUse(message: Message, at: string): void {
  const { tool_calls: toolCalls, function_call: call } = message as { tool_calls?: unknown; function_call?: unknown };
  if (Array.isArray(toolCalls) && toolCalls.length > 0) {
    throw new AppError('unsupported_parameter', { param: `${at}.tool_calls`, reason: TOOLS_REFUSED });
  }
  if (call !== undefined) {
    throw new AppError('unsupported_parameter', { param: `${at}.function_call`, reason: TOOLS_REFUSED });
  }
}

function toText({ role, content }: Message, index: number): string {
  const at = `messages[${index}].content`;
  if (typeof content === 'string') return content;
  if (content === undefined) {
    // OpenAI's own answers have none where they are refusals.
    if (role === 'assistant') return '';
    throw new AppError('invalid_value', { param: at, reason: 'is required' });
  }
  const texts = content.map(({ type, text }, part) => {
    const param = `${at}[${part}]`;
    if (type !== 'text') {
      throw new AppError('unsupported_parameter', { param, reason: `${type} cannot be read, only text` });
    }
    if (text === undefined) throw new AppError('invalid_value', { param: `${param}.text`, reason: 'is required' });
    return text;
  });
  return texts.join('\n');
}

/** `retrieval`, or OpenAI's file_search tool, which says the same. */
export function toRetrieval({ retrieval, tools = [], tool_choice: choice = 'auto' }: Body): RetrievalOverride | null {
  const fileSearch = choice === 'none' ? unusedTools(tools) : toFileSearch(tools);
  if (choice !== 'auto' && choice !== 'none' && fileSearch === null) {
    throw new AppError('invalid_value', { param: 'tool_choice', reason: 'needs the tool that it chooses in tools' });
  }
  if (retrieval === undefined) return fileSearch;
  if (fileSearch !== null) {
    throw new AppError('invalid_value', { param: 'retrieval', reason: 'cannot be given beside a file_search tool' });
  }
  return toOverride(retrieval);
}

export function toOverride(retrieval: Static<typeof Retrieval>): RetrievalOverride {
  const stores = [retrieval.store_id ?? [], retrieval.vector_store_ids ?? []].flat();
  return {
    enabled: retrieval.enabled ?? true,
    storeIds: [...new Set(stores)],
    mode: retrieval.mode ?? null,
    filter: toFilter(retrieval.filters, 'retrieval.filters'),
    topK: retrieval.top_k ?? null,
    minScore: retrieval.min_score ?? null,
  };
}

/** No tool may be used: functions are not called anyway, and a search that was offered does not happen. */
function unusedTools(tools: NonNullable<Body['tools']>): RetrievalOverride | null {
  if (!tools.some(({ type }) => type === 'file_search')) return null;
  return { enabled: false, storeIds: [], mode: null, filter: null, topK: null, minScore: null };
}

function toFileSearch(tools: NonNullable<Body['tools']>): RetrievalOverride | null {
  const [tool, second] = tools;
  if (tool === undefined) return null;
  for (const [index, { type }] of tools.entries()) {
    if (type === 'file_search') continue;
    throw new AppError('unsupported_parameter', { param: `tools[${index}]`, reason: TOOLS_REFUSED });
  }
  if (second !== undefined) {
    throw new AppError('invalid_value', { param: 'tools', reason: 'must hold file_search only once' });
  }
  const {
    type: _,
    vector_store_ids: storeIds = [],
    max_num_results: topK,
    ranking_options: ranking,
    filters,
    ...rest
  } = tool;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw new AppError('unsupported_parameter', { param: `tools[0].${unknown}`, reason: 'it is not known here' });
  }
  return {
    enabled: true,
    storeIds: [...new Set(storeIds)],
    mode: toMode(ranking?.ranker),
    filter: toFilter(filters, 'tools[0].filters'),
    topK: topK ?? null,
    minScore: ranking?.score_threshold ?? null,
  };
}
