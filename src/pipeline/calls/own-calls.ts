import type { HttpTool } from '../../contracts/http-tools.js';
import type { ChatMessage, ToolCall } from '../../contracts/prompt.js';
import type { Screen } from '../../contracts/safety.js';
import { AppError } from '../../errors/app-error.js';
import type { Tally } from '../record.js';
import { type Screened, screenMessages } from '../screen.js';
import type { OfferedTools, PipelineServices, Route, ToolUse } from '../types.js';

/**
 * What a model may ask for: functions of the deployment, which the gateway calls, and those of the caller. null: none.
 * @throws AppError `invalid_value` where both have one of the same name
 */
export function offer(toolUse: ToolUse | null, { tools: own }: Pick<Route, 'tools'>): OfferedTools | null {
  const { tools = [], choice = 'auto', parallel = true } = toolUse ?? {};
  if (choice === 'none' || own.length + tools.length === 0) return null;
  const byName = new Map(own.map((tool) => [tool.name, tool]));
  const twice = tools.find(({ name }) => byName.has(name));
  if (twice !== undefined) {
    const reason = `${twice.name} is a function of the deployment itself; give yours another name`;
    throw new AppError('invalid_value', { param: 'tools', reason });
  }
  return { tools: [...own, ...tools], choice, parallel, own: byName };
}

/** What is offered once the gateway has called: nothing is forced any more, and in the last round only the caller's are left. */
export function offerAgain(offered: OfferedTools, isLast: boolean): OfferedTools | null {
  const tools = isLast ? offered.tools.filter(({ name }) => !offered.own.has(name)) : offered.tools;
  return tools.length === 0 ? null : { ...offered, tools, choice: 'auto' };
}

/**
 * Calls that were not made for this answer before, with the arguments that their schema names: small models take the members of
 * a result for further arguments, and ask again. @param made is kept up to date
 */
export function newCalls(
  calls: readonly ToolCall[],
  own: ReadonlyMap<string, HttpTool>,
  made: Set<string>,
): readonly ToolCall[] {
  return calls
    .map((call) => ({ ...call, arguments: namedIn(own.get(call.name)!, call.arguments) }))
    .filter(({ name, arguments: args }) => {
      const key = `${name} ${args}`;
      const isNew = !made.has(key);
      made.add(key);
      return isNew;
    });
}

function namedIn({ parameters }: HttpTool, args: string): string {
  const { properties, additionalProperties } = parameters;
  if (!isObject(properties) || additionalProperties !== undefined) return args;
  try {
    const values: unknown = JSON.parse(args);
    if (!isObject(values)) return args;
    return JSON.stringify(
      Object.fromEntries(Object.entries(values).filter(([name]) => Object.hasOwn(properties, name))),
    );
  } catch {
    return args;
  }
}

function isObject(value: unknown): value is object {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Calls the deployment's functions. @returns the messages for the next round, or why there is none */
export async function runOwnCalls(
  { registry, toolCaller, metrics }: Pick<PipelineServices, 'registry' | 'toolCaller' | 'metrics'>,
  tally: Tally,
  { text, calls, own }: { text: string; calls: readonly ToolCall[]; own: ReadonlyMap<string, HttpTool> },
  screen: Screen | null,
  signal: AbortSignal,
): Promise<Screened<readonly ChatMessage[]>> {
  const { tenant, route } = tally;
  if (calls.length === 0) return { refusal: null, left: [] };
  const results = await Promise.all(
    calls.map(async ({ id, name, arguments: args }): Promise<ChatMessage> => {
      const secret = await registry.toolSecret(tenant, name);
      const { content, run } = await toolCaller.call(own.get(name)!, secret, args, signal);
      tally.tools.push(run);
      metrics.observe(
        'tool_duration_seconds',
        { tenant, deployment: route.deployment, outcome: run.outcome },
        run.durationMs / 1000,
      );
      return { role: 'tool', content, toolCallId: id };
    }),
  );
  const screened = await screenMessages(screen, results, signal);
  if (screened.refusal !== null) return screened;
  return { refusal: null, left: [{ role: 'assistant', content: text, toolCalls: calls }, ...screened.left] };
}
