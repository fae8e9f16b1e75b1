import type { Static } from 'typebox';
import type { ChatMessage } from '../../../contracts/engine.js';
import { AppError } from '../../../errors/app-error.js';
import type { RetrievalOverride } from '../../../pipeline/types.js';
import type { ChatBody } from './chat-schema.js';

type Body = Static<typeof ChatBody>;
type Message = Body['messages'][number];

/** The messages as text; refuses what the model could not see. */
export function toMessages(messages: readonly Message[]): ChatMessage[] {
  const chat = messages.map((message, index) => {
    const { tool_calls: toolCalls } = message as { tool_calls?: unknown };
    if (Array.isArray(toolCalls) && toolCalls.length > 0) {
      const param = `messages[${index}].tool_calls`;
      throw new AppError('unsupported_parameter', { param, reason: 'only the tool file_search can be used' });
    }
    const role = message.role === 'developer' ? 'system' : message.role;
    return { role, content: toText(message.content, index) };
  });
  if (!chat.some(({ role }) => role === 'user')) {
    throw new AppError('invalid_value', { param: 'messages', reason: 'must hold a message with the role user' });
  }
  return chat;
}

function toText(content: Message['content'], index: number): string {
  if (typeof content === 'string') return content;
  const texts = content.map(({ type, text }, part) => {
    const param = `messages[${index}].content[${part}]`;
    if (type !== 'text') {
      throw new AppError('unsupported_parameter', { param, reason: `${type} cannot be read, only text` });
    }
    if (text === undefined) throw new AppError('invalid_value', { param: `${param}.text`, reason: 'is required' });
    return text;
  });
  return texts.join('\n');
}

/** `retrieval`, or OpenAI's file_search tool, which says the same. */
export function toRetrieval({ retrieval, tools = [] }: Body): RetrievalOverride | null {
  const fileSearch = toFileSearch(tools);
  if (retrieval === undefined) return fileSearch;
  if (fileSearch !== null) {
    throw new AppError('invalid_value', { param: 'retrieval', reason: 'cannot be given beside a file_search tool' });
  }
  const stores = [retrieval.store_id ?? [], retrieval.vector_store_ids ?? []].flat();
  return {
    enabled: retrieval.enabled ?? true,
    storeIds: [...new Set(stores)],
    topK: retrieval.top_k ?? null,
    minScore: retrieval.min_score ?? null,
  };
}

function toFileSearch(tools: NonNullable<Body['tools']>): RetrievalOverride | null {
  const [tool, second] = tools;
  if (tool === undefined) return null;
  for (const [index, { type }] of tools.entries()) {
    if (type === 'file_search') continue;
    throw new AppError('unsupported_parameter', { param: `tools[${index}]`, reason: 'only file_search can be used' });
  }
  if (second !== undefined) {
    throw new AppError('invalid_value', { param: 'tools', reason: 'must hold file_search only once' });
  }
  if ('filters' in tool) {
    throw new AppError('unsupported_parameter', { param: 'tools[0].filters', reason: 'passages have no filters' });
  }
  return {
    enabled: true,
    storeIds: [...new Set(tool.vector_store_ids ?? [])],
    topK: tool.max_num_results ?? null,
    minScore: tool.ranking_options?.score_threshold ?? null,
  };
}
