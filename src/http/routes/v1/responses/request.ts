/** A request for a response in the pipeline's form. */
import type { FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { GrammarSpec } from '../../../../contracts/grammar.js';
import type { ChatMessage } from '../../../../contracts/prompt.js';
import type { Principal } from '../../../../contracts/registry.js';
import type { RouteOverride } from '../../../../contracts/routing.js';
import { AppError } from '../../../../errors/app-error.js';
import type { ChatRequest, RetrievalOverride, ToolUse } from '../../../../pipeline/types.js';
import { toOverride } from '../chat-request.js';
import { searchOf } from '../file-search.js';
import { givenOf } from '../ignored.js';
import { checkRefused, toPriority, toSampling } from '../parameters.js';
import { type RoutingHeaders, readOverride } from '../routing.js';
import { checkCalls, toDefinition, toToolUse } from '../tool-use.js';
import { RESPONSES_REFUSED, type ResponseBody } from './schema.js';

export type Body = Static<typeof ResponseBody>;

/** Who asks, and what the headers say. */
export interface Caller {
  readonly requestId: string;
  readonly principal: Principal;
  readonly override: RouteOverride;
  readonly conversationHeader: string | undefined;
}

export function callerOf(request: FastifyRequest<{ Headers: Static<typeof RoutingHeaders> }>): Caller {
  return {
    requestId: request.id,
    principal: request.principal,
    override: readOverride(request, request.headers),
    conversationHeader: request.headers['x-conversation-id'],
  };
}

export function checkBody(body: Body): void {
  checkRefused(RESPONSES_REFUSED, body);
  if (body.background && body.stream) {
    const reason = 'cannot be given beside background: ask for the response again until it is completed';
    throw new AppError('invalid_value', { param: 'stream', reason });
  }
  if (body.conversation !== undefined && body.previous_response_id !== undefined) {
    const reason = 'cannot be given beside previous_response_id';
    throw new AppError('invalid_value', { param: 'conversation', reason });
  }
  if (body.background && body.store === false) {
    throw new AppError('invalid_value', { param: 'store', reason: 'must not be false where background is true' });
  }
}

export function ignoredOf(body: Body): string[] {
  return [
    ...givenOf(body, ['stream_options', 'prompt_cache_key', 'prompt_cache_retention']),
    ...(body.text?.verbosity === undefined ? [] : ['text.verbosity']),
    ...(body.include?.includes('reasoning.encrypted_content') ? ['include.reasoning.encrypted_content'] : []),
  ];
}

/** @param messages what came before, and the input */
export function toChatRequest(
  { requestId, principal, override, conversationHeader }: Caller,
  body: Body,
  answerId: string,
  history: readonly ChatMessage[],
): ChatRequest {
  const { instructions } = body;
  checkCalls(history, () => 'input');
  const messages: ChatMessage[] = instructions ? [{ role: 'system', content: instructions }, ...history] : [...history];
  return {
    requestId,
    answerId,
    principal,
    model: body.model,
    override,
    stickiness: {
      user: body.user,
      safetyIdentifier: body.safety_identifier,
      conversationId: body.metadata?.conversation_id,
      conversationHeader,
      keyId: principal.keyId,
      firstUserMessage: (messages.find(({ role }) => role === 'user') ?? messages[0]!).content,
    },
    messages,
    retrieval: toRetrieval(body),
    toolUse: toFunctionUse(body),
    priority: body.background ? 'batch' : toPriority(body),
    sampling: toSampling(body),
    maxTokens: body.max_output_tokens ?? null,
    stop: [],
    topLogprobs: wantsLogprobs(body) ? (body.top_logprobs ?? 0) : null,
    grammar: toGrammar(body),
  };
}

export function conversationOf({ conversation }: Pick<Body, 'conversation'>): { readonly id: string } | null {
  return typeof conversation === 'string' ? { id: conversation } : (conversation ?? null);
}

export function wantsLogprobs({ include = [], top_logprobs: top = 0 }: Body): boolean {
  return top > 0 || include.includes('message.output_text.logprobs');
}

/** `retrieval`, or the tool file_search, which says the same. */
function toRetrieval({ retrieval, tools = [], tool_choice: choice }: Body): RetrievalOverride | null {
  const at = tools.findIndex(({ type }) => type === 'file_search');
  const tool = tools[at];
  if (tool?.type !== 'file_search') {
    if (typeof choice === 'object' && choice.type === 'file_search') {
      throw new AppError('invalid_value', { param: 'tool_choice', reason: 'needs the tool that it chooses in tools' });
    }
    return retrieval === undefined ? null : toOverride(retrieval);
  }
  if (retrieval !== undefined) {
    throw new AppError('invalid_value', { param: 'retrieval', reason: 'cannot be given beside a file_search tool' });
  }
  if (tools.some(({ type }, index) => type === 'file_search' && index !== at)) {
    throw new AppError('invalid_value', { param: 'tools', reason: 'must hold file_search only once' });
  }
  return { ...searchOf(tool, `tools[${at}]`), enabled: choice !== 'none' };
}

function toFunctionUse(body: Body): ToolUse | null {
  const { tools = [], tool_choice: choice = 'auto', parallel_tool_calls: parallel = true } = body;
  const functions = tools.flatMap((tool, index) => {
    if (tool.type !== 'function') return [];
    const { type: _, ...definition } = tool;
    return [toDefinition(definition, `tools[${index}]`)];
  });
  const isNamed = typeof choice === 'object' && choice.type === 'function';
  if ((isNamed && functions.length === 0) || (choice === 'required' && tools.length === 0)) {
    throw new AppError('invalid_value', { param: 'tool_choice', reason: 'needs the tool that it chooses in tools' });
  }
  // A search has taken place before the answer begins: what is required was done then.
  const isDone = choice === 'required' && functions.length < tools.length;
  const wanted = isNamed ? { name: choice.name } : isDone || typeof choice === 'object' ? 'auto' : choice;
  return toToolUse(functions, wanted, parallel);
}

/** @throws AppError `invalid_value` for a schema that is missing */
function toGrammar({ text }: Body): GrammarSpec | null {
  const format = text?.format;
  if (format === undefined || format.type === 'text') return null;
  if (format.type === 'json_object') return { kind: 'json' };
  return { kind: 'json_schema', schema: JSON.stringify(format.schema), param: 'text.format.schema' };
}
