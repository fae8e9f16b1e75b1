import type { Static } from 'typebox';
import type { ChatMessage, ToolCall, ToolDefinition } from '../../../contracts/prompt.js';
import { AppError } from '../../../errors/app-error.js';
import type { RetrievalOverride, ToolUse } from '../../../pipeline/types.js';
import type { ChatBody, Retrieval } from './chat-schema.js';
import { searchOf } from './file-search.js';
import { givenOf, otherMembers } from './ignored.js';
import { toFilter } from './search-filter.js';
import { checkCalls, toDefinition, toToolUse } from './tool-use.js';

type Body = Static<typeof ChatBody>;
type Message = Body['messages'][number];

const WITHOUT_EFFECT = ['store', 'prompt_cache_retention', 'parallel_tool_calls', 'prediction'] as const;
/** What is read of a message, and what our own answers have beside it when they are sent back. */
const MESSAGE_MEMBERS = new Set([
  ...['role', 'content', 'name', 'tool_calls', 'tool_call_id', 'function_call'],
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
    ...givenOf(body, WITHOUT_EFFECT).filter((name) => name !== 'parallel_tool_calls' || functionsOf(body).length === 0),
    ...(body.stream_options?.include_obfuscation ? ['stream_options.include_obfuscation'] : []),
    ...otherMembers(body.metadata ?? {}, METADATA, 'metadata'),
    ...ofMessages,
  ];
}

/** The messages as text, with calls and their results; refuses what the model could not see. */
export function toMessages(messages: readonly Message[]): ChatMessage[] {
  const read = messages.map((message, index): ChatMessage => {
    const at = `messages[${index}]`;
    const role = message.role === 'developer' ? 'system' : message.role;
    const text = toText(message, index);
    if (role === 'tool') return { role, content: text, toolCallId: toCallId(message, at) };
    // A template has no place for names, but who is who must reach the model.
    const content = message.name === undefined ? text : `${message.name}: ${text}`;
    const toolCalls = toCalls(message, at);
    return toolCalls.length === 0 ? { role, content } : { role, content, toolCalls };
  });
  checkCalls(read);
  return read;
}

function toCallId({ tool_call_id: id }: Message, at: string): string {
  if (id === undefined) throw new AppError('invalid_value', { param: `${at}.tool_call_id`, reason: 'is required' });
  return id;
}

function toCalls(message: Message, at: string): ToolCall[] {
  if ((message as { function_call?: unknown }).function_call !== undefined) {
    throw new AppError('unsupported_parameter', {
      param: `${at}.function_call`,
      reason: 'it is called tool_calls now',
    });
  }
  const { role, tool_calls: calls = [] } = message;
  if (calls.length > 0 && role !== 'assistant') {
    throw new AppError('invalid_value', { param: `${at}.tool_calls`, reason: 'belong to messages of the assistant' });
  }
  return calls.map(({ id, function: { name, arguments: args } }) => ({ id, name, arguments: args }));
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

function functionsOf({ tools = [] }: Body): ToolDefinition[] {
  return tools.flatMap(({ type, function: definition, ...rest }, index) => {
    if (type !== 'function') return [];
    refuseOthers(rest, `tools[${index}]`);
    const at = `tools[${index}].function`;
    if (definition === undefined) throw new AppError('invalid_value', { param: at, reason: 'is required' });
    return [toDefinition(definition, at)];
  });
}

/** The functions that the caller runs; null where none may be asked for. */
export function toFunctionUse(body: Body): ToolUse | null {
  const { tool_choice: choice = 'auto', parallel_tool_calls: parallel = true } = body;
  const wanted = typeof choice === 'string' ? choice : choice.type === 'function' ? choice.function : 'auto';
  const functions = functionsOf(body);
  if (typeof wanted === 'object' && functions.length === 0) throw needsTool();
  return toToolUse(functions, wanted, parallel);
}

/** `retrieval`, or OpenAI's file_search tool, which says the same. */
export function toRetrieval({ retrieval, tools = [], tool_choice: choice = 'auto' }: Body): RetrievalOverride | null {
  const fileSearch = choice === 'none' ? unusedTools(tools) : toFileSearch(tools);
  const isFileSearch = typeof choice === 'object' && choice.type === 'file_search';
  if ((isFileSearch || choice === 'required') && fileSearch === null && (isFileSearch || tools.length === 0)) {
    throw needsTool();
  }
  if (retrieval === undefined) return fileSearch;
  if (fileSearch !== null) {
    throw new AppError('invalid_value', { param: 'retrieval', reason: 'cannot be given beside a file_search tool' });
  }
  return toOverride(retrieval);
}

function needsTool(): AppError {
  return new AppError('invalid_value', { param: 'tool_choice', reason: 'needs the tool that it chooses in tools' });
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
    diversity: retrieval.diversity ?? null,
  };
}

/** No tool may be used: a search that was offered does not happen. */
function unusedTools(tools: NonNullable<Body['tools']>): RetrievalOverride | null {
  if (!tools.some(({ type }) => type === 'file_search')) return null;
  return { enabled: false, storeIds: [], mode: null, filter: null, topK: null, minScore: null, diversity: null };
}

function refuseOthers(members: object, at: string): void {
  const [unknown] = Object.keys(members);
  if (unknown === undefined) return;
  throw new AppError('unsupported_parameter', { param: `${at}.${unknown}`, reason: 'it is not known here' });
}

function toFileSearch(tools: NonNullable<Body['tools']>): RetrievalOverride | null {
  const at = tools.findIndex(({ type }) => type === 'file_search');
  const tool = tools[at];
  if (tool === undefined) return null;
  if (tools.some(({ type }, index) => type === 'file_search' && index !== at)) {
    throw new AppError('invalid_value', { param: 'tools', reason: 'must hold file_search only once' });
  }
  const { type: _, vector_store_ids, max_num_results, ranking_options, filters, ...rest } = tool;
  refuseOthers(rest, `tools[${at}]`);
  return searchOf({ vector_store_ids, max_num_results, ranking_options, filters }, `tools[${at}]`);
}
