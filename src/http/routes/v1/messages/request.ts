/** Anthropic's messages, tools and parameters in the pipeline's form. */
import type { Static } from 'typebox';
import type { ChatMessage, ToolCall } from '../../../../contracts/prompt.js';
import { AppError } from '../../../../errors/app-error.js';
import type { ToolUse } from '../../../../pipeline/types.js';
import { checkCalls, toDefinition, toToolUse } from '../tool-use.js';
import type { CountBody } from './schema.js';

type Body = Static<typeof CountBody>;
type Block = Record<string, unknown> & { type: string };

interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly toolUse: ToolUse | null;
  /** What was sent and has no effect. */
  readonly ignored: readonly string[];
}

export function toConversation(body: Body): Conversation {
  const ignored: string[] = [];
  const system = toSystem(body.system, ignored);
  const said = body.messages.map((message, index) => toMessages(message, `messages[${index}]`, ignored));
  const places = [
    ...system.map(() => 'system'),
    ...said.flatMap((some, index) => some.map(() => `messages[${index}]`)),
  ];
  const messages = [...system, ...said.flat()];
  checkCalls(messages, (index) => places[index]!);
  if (body.messages.at(-1)!.role === 'assistant') {
    const reason = 'cannot be of the assistant: an answer is not begun for the model';
    throw new AppError('unsupported_parameter', { param: `messages[${body.messages.length - 1}].role`, reason });
  }
  if (body.cache_control !== undefined) ignored.push('cache_control');
  if (body.tools?.some((tool) => tool.cache_control !== undefined)) ignored.push('tools.cache_control');
  if (body.tools?.some((tool) => tool.eager_input_streaming === false)) ignored.push('tools.eager_input_streaming');
  return { messages, toolUse: toFunctionUse(body), ignored };
}

function toSystem(system: Body['system'], ignored: string[]): ChatMessage[] {
  if (system === undefined) return [];
  if (typeof system !== 'string' && system.some((block) => block.cache_control !== undefined)) {
    ignored.push('system.cache_control');
  }
  const content = typeof system === 'string' ? system : system.map(({ text }) => text).join('\n');
  return content === '' ? [] : [{ role: 'system', content }];
}

/** A user's message may answer calls before it says something: each answer is a message of its own. */
function toMessages({ role, content }: Body['messages'][number], at: string, ignored: string[]): ChatMessage[] {
  if (typeof content === 'string') return [{ role, content }];
  const texts: string[] = [];
  const toolCalls: ToolCall[] = [];
  const results: ChatMessage[] = [];
  for (const [index, given] of content.entries()) {
    const block = given as Block;
    const param = `${at}.content[${index}]`;
    if (block.cache_control !== undefined) ignored.push(`${param}.cache_control`);
    if (block.type === 'text') texts.push(textOf(block, 'text', param));
    else if (block.type === 'tool_use' && role === 'assistant') toolCalls.push(toCall(block, param));
    else if (block.type === 'tool_result' && role === 'user') results.push(toResult(block, param));
    else if (block.type === 'thinking' || block.type === 'redacted_thinking') ignored.push(param);
    else {
      const reason = `${block.type} cannot be read in a message of the ${role}, only text, calls and their results`;
      throw new AppError('unsupported_parameter', { param, reason });
    }
  }
  const message = { role, content: texts.join('\n'), ...(toolCalls.length > 0 && { toolCalls }) };
  return results.length > 0 && texts.length === 0 ? results : [...results, message];
}

function toCall(block: Block, param: string): ToolCall {
  const { input } = block;
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new AppError('invalid_value', { param: `${param}.input`, reason: 'must be an object' });
  }
  return { id: textOf(block, 'id', param), name: textOf(block, 'name', param), arguments: JSON.stringify(input) };
}

function toResult(block: Block, param: string): ChatMessage {
  const { content = '' } = block;
  const parts = typeof content === 'string' ? [content] : blocksOf(content, `${param}.content`);
  const said = parts.join('\n');
  // Models of this kind know no other way to be told.
  const text = block.is_error === true ? `Error: ${said}` : said;
  return { role: 'tool', content: text, toolCallId: textOf(block, 'tool_use_id', param) };
}

function blocksOf(content: unknown, param: string): string[] {
  if (!Array.isArray(content)) {
    throw new AppError('invalid_value', { param, reason: 'must be a text, or a list of text blocks' });
  }
  return content.map((block: Block, index) => {
    const at = `${param}[${index}]`;
    if (block?.type !== 'text') {
      throw new AppError('unsupported_parameter', { param: at, reason: `${block?.type} cannot be read, only text` });
    }
    return textOf(block, 'text', at);
  });
}

function textOf(block: Block, member: string, param: string): string {
  const value = block[member];
  if (typeof value === 'string') return value;
  throw new AppError('invalid_value', { param: `${param}.${member}`, reason: 'must be a text' });
}

function toFunctionUse({ tools = [], tool_choice: choice = { type: 'auto' } }: Body): ToolUse | null {
  if (choice.type === 'any' && tools.length === 0) {
    throw new AppError('invalid_value', { param: 'tool_choice', reason: 'needs tools' });
  }
  const definitions = tools.map(({ name, description, input_schema: parameters, strict }, index) =>
    toDefinition(
      { name, parameters, ...(description && { description }), ...(strict && { strict }) },
      `tools[${index}]`,
    ),
  );
  const wanted = choice.type === 'tool' ? { name: choice.name } : choice.type === 'any' ? 'required' : choice.type;
  return toToolUse(definitions, wanted, choice.type === 'none' || !choice.disable_parallel_tool_use);
}
