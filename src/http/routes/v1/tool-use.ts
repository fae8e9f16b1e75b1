/** Function tools of a chat: what the caller offers, what it asks for, and whether its history is whole. */
import { type Static, Type } from 'typebox';
import type { ChatMessage, ToolDefinition } from '../../../contracts/prompt.js';
import { AppError } from '../../../errors/app-error.js';
import type { ToolUse } from '../../../pipeline/types.js';

/** OpenAI's limit. */
export const MAX_TOOLS = 128;
const NAME = { pattern: '^[a-zA-Z0-9_-]{1,64}$', description: '1 to 64 letters A to Z, digits, `_` and `-`.' };

export const FunctionTool = Type.Object(
  {
    name: Type.String(NAME),
    description: Type.Optional(Type.String()),
    parameters: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'JSON Schema of the arguments, an object. Left out: none.',
      }),
    ),
    strict: Type.Optional(
      Type.Boolean({ default: false, description: 'Arguments that break the schema do not come about.' }),
    ),
  },
  { additionalProperties: false },
);

/** As an answer has it, and as it is sent back. */
export const ToolCallSchema = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 256 }),
  type: Type.Literal('function'),
  function: Type.Object({
    name: Type.String(NAME),
    arguments: Type.String({ description: 'JSON, unless the model erred.' }),
  }),
});

export const NamedFunction = Type.Object(
  { type: Type.Literal('function'), function: Type.Object({ name: Type.String() }, { additionalProperties: false }) },
  { additionalProperties: false },
);

type Definition = Static<typeof FunctionTool>;

/** @param at names the definition in an error @throws AppError `invalid_value` */
export function toDefinition(
  { name, description = '', parameters, strict = false }: Definition,
  at: string,
): ToolDefinition {
  const schema = parameters ?? { type: 'object', properties: {} };
  if (schema.type !== undefined && schema.type !== 'object') {
    throw new AppError('invalid_value', { param: `${at}.parameters.type`, reason: 'must be object' });
  }
  return { name, description, parameters: schema, strict };
}

/** null where the caller has nothing to say about functions. @throws AppError `invalid_value` */
export function toToolUse(
  tools: readonly ToolDefinition[],
  choice: ToolUse['choice'],
  parallel: boolean,
): ToolUse | null {
  if (choice === 'none') return { tools: [], choice, parallel };
  if (tools.length === 0) return null;
  const names = tools.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new AppError('invalid_value', { param: 'tools', reason: `hold ${twice} more than once; rename one of them` });
  }
  if (typeof choice === 'object' && !names.includes(choice.name)) {
    throw new AppError('invalid_value', {
      param: 'tool_choice',
      reason: `names ${choice.name}, which is none of tools`,
    });
  }
  return { tools, choice, parallel };
}

/**
 * Every call is answered behind the message that asks for it, and nothing else is. @throws AppError `invalid_value` that
 * names the message
 * @param nameOf a message, as its surface has it
 */
export function checkCalls(
  messages: readonly ChatMessage[],
  nameOf: (index: number) => string = (index) => `messages[${index}]`,
): void {
  let open = new Map<string, string>();
  const answered = () => {
    for (const [id, param] of open) {
      const reason = `the call ${id} has no answer; put a message of the role tool with this tool_call_id behind it`;
      throw new AppError('invalid_value', { param, reason });
    }
  };
  for (const [index, { role, toolCalls = [], toolCallId }] of messages.entries()) {
    const at = nameOf(index);
    if (role === 'tool') {
      if (open.delete(toolCallId!)) continue;
      const reason = 'names no open call of the assistant message before it';
      throw new AppError('invalid_value', { param: `${at}.tool_call_id`, reason });
    }
    answered();
    open = new Map(toolCalls.map(({ id }) => [id, `${at}.tool_calls`]));
    if (open.size < toolCalls.length) {
      throw new AppError('invalid_value', { param: `${at}.tool_calls`, reason: 'hold an id more than once' });
    }
  }
  answered();
}
