/** What a chat template is rendered with, in the shape that templates read, and text of others in it guarded. */
import { createHash } from 'node:crypto';
import type { Prompt, PromptMessage, TextRange, ToolCall, ToolDefinition } from '../../contracts/prompt.js';
import { AppError } from '../../errors/app-error.js';
import type { Guard, Marks } from './markers.js';

type Chat = Extract<Prompt, { kind: 'chat' }>;
type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

interface MessageValues {
  readonly role: PromptMessage['role'];
  readonly content: string;
  readonly ours: readonly TextRange[];
  readonly passages: readonly number[];
  readonly tool_calls?: readonly { readonly id: string; readonly function: Json }[];
  readonly tool_call_id?: string;
  /** Of the function whose result it is. */
  readonly name?: string;
}

export interface ChatValues {
  readonly messages: readonly MessageValues[];
  /** Only where there are tools: templates ask whether the name is there at all. */
  readonly tools?: readonly { readonly type: 'function'; readonly function: Json }[];
}

/** Schemas and arguments are walked by recursion, here and in the template. */
const MAX_DEPTH = 64;
/** Templates of Mistral's models refuse ids of any other length. */
const ID_CHARACTERS = 9;

/** Calls hold their arguments as objects, as models were trained; what is no object stays the text that it is. */
export function toChatValues({ messages, tools = [] }: Chat): ChatValues {
  const names = new Map(messages.flatMap(({ toolCalls = [] }) => toolCalls.map(({ id, name }) => [id, name] as const)));
  const values = messages.map(({ role, content, ours = [], passages = [], toolCalls, toolCallId }): MessageValues => {
    const message = { role, content, ours, passages };
    if (toolCalls?.length) return { ...message, tool_calls: toolCalls.map(toCall) };
    if (toolCallId === undefined) return message;
    return { ...message, tool_call_id: toId(toolCallId), name: names.get(toolCallId) ?? '' };
  });
  return { messages: values, ...(tools.length > 0 && { tools: tools.map(toTool) }) };
}

/** No special token and no marker comes out of what others wrote, names of members included. */
export function guardChat({ messages, tools }: ChatValues, guard: Guard, marks: Marks) {
  const guarded = (json: Json, depth = 0): Json => {
    if (depth > MAX_DEPTH) {
      const reason = `nests deeper than ${MAX_DEPTH} levels. Make schemas and arguments flatter`;
      throw new AppError('invalid_value', { param: 'tools', reason });
    }
    if (typeof json === 'string') return guard.message(json, 'tool', [], marks);
    if (Array.isArray(json)) return json.map((item) => guarded(item, depth + 1));
    if (json === null || typeof json !== 'object') return json;
    const members = Object.entries(json).map(([name, value]) => [guarded(name), guarded(value, depth + 1)]);
    return Object.fromEntries(members) as Json;
  };
  return {
    messages: messages.map(({ ours, passages, tool_calls: calls, ...message }) => ({
      ...message,
      content: cutAt(message.content, passages)
        .map(({ text, start }) => guard.message(text, message.role, movedBack(ours, start), marks))
        .join(marks.passage),
      ...(calls && {
        tool_calls: calls.map((call) => ({ ...call, type: 'function', function: guarded(call.function) })),
      }),
    })),
    ...(tools && { tools: tools.map((tool) => ({ ...tool, function: guarded(tool.function) })) }),
  };
}

/** The texts between the cuts, and where each begins. */
function cutAt(content: string, cuts: readonly number[]): { readonly text: string; readonly start: number }[] {
  const starts = [0, ...cuts];
  return starts.map((start, i) => ({ text: content.slice(start, starts[i + 1]), start }));
}

const movedBack = (ranges: readonly TextRange[], by: number): TextRange[] =>
  ranges.map(([start, end]) => [start - by, end - by]);

function toCall({ id, name, arguments: text }: ToolCall) {
  return { id: toId(id), function: { name, arguments: toArguments(text) } };
}

function toTool({ name, description, parameters }: ToolDefinition) {
  const definition = { name, ...(description !== '' && { description }), parameters };
  return { type: 'function' as const, function: definition as Json };
}

function toArguments(text: string): Json {
  if (text.trim() === '') return {};
  try {
    const value = JSON.parse(text) as Json;
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : text;
  } catch {
    return text;
  }
}

/** The same for the same id, and nothing of what a caller may write in one. */
function toId(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, ID_CHARACTERS);
}
