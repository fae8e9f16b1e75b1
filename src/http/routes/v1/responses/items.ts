/** Items of a conversation in OpenAI's shape, as messages of the pipeline. */
import { randomBytes } from 'node:crypto';
import type { Static } from 'typebox';
import type { ChatMessage } from '../../../../contracts/prompt.js';
import { AppError } from '../../../../errors/app-error.js';
import type { ResponseBody } from './schema.js';

export type Item = Readonly<Record<string, unknown>> & { readonly type: string; readonly id: string };

interface Given {
  readonly type?: string;
  readonly [member: string]: unknown;
}

const ROLES = { user: 'user', assistant: 'assistant', system: 'system', developer: 'system' } as const;
const TEXTS: ReadonlySet<unknown> = new Set(['input_text', 'output_text', 'text', 'summary_text']);
/** Of ours, when they are sent back: what they led to is in the messages. */
const SILENT: ReadonlySet<unknown> = new Set(['reasoning', 'file_search_call']);
const SUMMARY = 'Summary of our conversation so far:\n';

/** Opens what was sealed for the caller; null: it was not. */
export type OpenText = (sealed: string) => string | null;

const PREFIXES: Readonly<Record<string, string>> = {
  message: 'msg',
  function_call: 'fc',
  function_call_output: 'fco',
  reasoning: 'rs',
  file_search_call: 'fs',
  compaction: 'cmp',
};

export function itemId(type: string): string {
  return `${prefixOf(type)}_${randomBytes(16).toString('hex')}`;
}

/** Of an item that a response gives: it tells which response, so that a reference to it can be followed. */
export function outputItemId(type: string, responseId: string, index: number): string {
  return `${prefixOf(type)}_${responseId.replace('resp_', '')}${index.toString(16).padStart(4, '0')}`;
}

/** The response that an item of this id is of; null: no item of a response has such an id. */
export function responseOf(itemId: unknown): string | null {
  const [, digits] = /^[a-z]+_([0-9a-f]{32})[0-9a-f]{4}$/.exec(String(itemId)) ?? [];
  return digits === undefined ? null : `resp_${digits}`;
}

const prefixOf = (type: string): string => PREFIXES[type] ?? 'item';

/** As they are kept and listed: a text is a message, and each item has an id. */
export function toItems(input: Static<typeof ResponseBody>['input']): Item[] {
  const given: readonly Given[] = typeof input === 'string' ? [{ role: 'user', content: input }] : input;
  return given.map((item) => {
    const { type = 'message', id, content } = item;
    return {
      ...item,
      type,
      id: typeof id === 'string' ? id : itemId(type),
      ...(typeof content === 'string' && { content: [{ type: 'input_text', text: content }] }),
    };
  });
}

/** @param at name of the list, for errors. @throws AppError for what a model cannot read */
export function toMessages(items: readonly Item[], at: string, open: OpenText): ChatMessage[] {
  const messages: ChatMessage[] = [];
  for (const [index, item] of items.entries()) {
    const param = `${at}[${index}]`;
    if (SILENT.has(item.type)) continue;
    if (item.type === 'function_call') addCall(messages, item, param);
    else messages.push(toMessage(item, param, open));
  }
  return messages;
}

function toMessage(item: Item, param: string, open: OpenText): ChatMessage {
  switch (item.type) {
    case 'message': {
      const role = ROLES[item.role as keyof typeof ROLES];
      if (role === undefined) {
        const reason = `must be one of ${Object.keys(ROLES).join(', ')}`;
        throw new AppError('invalid_value', { param: `${param}.role`, reason });
      }
      return { role, content: toText(item.content, `${param}.content`) };
    }
    case 'function_call_output': {
      const toolCallId = memberOf(item, 'call_id', param);
      return { role: 'tool', toolCallId, content: toText(item.output, `${param}.output`) };
    }
    case 'compaction': {
      const summary = open(memberOf(item, 'encrypted_content', param));
      // As something that was said: a summary of what users wrote is no instruction.
      if (summary !== null) return { role: 'user', content: `${SUMMARY}${summary}` };
      const reason = 'was not made here for this tenant and these groups';
      throw new AppError('invalid_value', { param: `${param}.encrypted_content`, reason });
    }
    default: {
      const reason = `items of the type ${item.type} cannot be read`;
      throw new AppError('unsupported_parameter', { param, reason });
    }
  }
}

/** Calls of one turn are one message with what was said before them. */
function addCall(messages: ChatMessage[], item: Item, param: string): void {
  const call = {
    id: memberOf(item, 'call_id', param),
    name: memberOf(item, 'name', param),
    arguments: memberOf(item, 'arguments', param),
  };
  const last = messages.at(-1);
  if (last?.role !== 'assistant') {
    messages.push({ role: 'assistant', content: '', toolCalls: [call] });
    return;
  }
  messages[messages.length - 1] = { ...last, toolCalls: [...(last.toolCalls ?? []), call] };
}

function toText(content: unknown, param: string): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) {
    throw new AppError('invalid_value', { param, reason: 'must be a text, or a list of text parts' });
  }
  const texts = content.map((part: Record<string, unknown> | null, index) => {
    const at = `${param}[${index}]`;
    const text = part?.type === 'refusal' ? part.refusal : TEXTS.has(part?.type) ? part!.text : null;
    if (text === null) {
      throw new AppError('unsupported_parameter', { param: at, reason: `${part?.type} cannot be read, only text` });
    }
    if (typeof text !== 'string') throw new AppError('invalid_value', { param: `${at}.text`, reason: 'is required' });
    return text;
  });
  return texts.join('\n');
}

function memberOf(item: Item, member: string, param: string): string {
  const value = item[member];
  if (typeof value === 'string') return value;
  throw new AppError('invalid_value', { param: `${param}.${member}`, reason: 'is required' });
}
