/** Anthropic's messages, tools and parameters in the pipeline's form. */
import type { Static } from 'typebox';
import type { ChatMessage, ToolCall, ToolDefinition } from '../../../../contracts/prompt.js';
import { AppError } from '../../../../errors/app-error.js';
import type { ToolUse } from '../../../../pipeline/types.js';
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
  const messages = [
    ...toSystem(body.system, ignored),
    ...body.messages.flatMap((message, index) => toMessages(message, `messages[${index}]`, ignored)),
  ];
  if (body.messages.at(-1)!.role === 'assistant') {
    const reason = 'cannot be of the assistant: an answer is not begun for the model';
    throw new AppError('unsupported_parameter', { param: `messages[${body.messages.length - 1}].role`, reason });
  }
  if (body.tools?.some((tool) => tool.cache_control !== undefined)) ignored.push('tools.cache_control');
  return { messages, toolUse: toToolUse(body), ignored };
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

function toToolUse({ tools = [], tool_choice: choice = { type: 'auto' } }: Body): ToolUse | null {
  if (choice.type === 'tool' && !tools.some(({ name }) => name === choice.name)) {
    throw new AppError('invalid_value', { param: 'tool_choice.name', reason: 'must be the name of one of the tools' });
  }
  if (choice.type === 'any' && tools.length === 0) {
    throw new AppError('invalid_value', { param: 'tool_choice', reason: 'needs tools' });
  }
  if (choice.type === 'none') return { tools: [], choice: 'none', parallel: true };
  if (tools.length === 0) return null;
  return {
    tools: tools.map(toTool),
    choice: choice.type === 'tool' ? { name: choice.name } : choice.type === 'any' ? 'required' : 'auto',
    parallel: !choice.disable_parallel_tool_use,
  };
}

function toTool({
  name,
  description = '',
  input_schema: parameters,
  strict = false,
}: NonNullable<Body['tools']>[number]): ToolDefinition {
  return { name, description, parameters, strict };
}
