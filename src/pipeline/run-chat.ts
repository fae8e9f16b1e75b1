import type { Prompt, PromptMessage, ToolDefinition } from '../contracts/prompt.js';
import type { Screen } from '../contracts/safety.js';
import { AppError } from '../errors/app-error.js';
import { offer } from './calls/own-calls.js';
import { type Costed, evidenceBudget, fitPassages, refuseHopeless, requireContext } from './fit.js';
import { assemblePrompt, numberPassages, type PromptParts, passageBlock } from './prompt.js';
import { resolveModel } from './resolve.js';
import { askedIn, planRetrieval, retrieve } from './retrieve.js';
import { runAnswer } from './run-answer.js';
import { screenMessages, screenPassages } from './screen.js';
import type { RunServices } from './shadows.js';
import type { AnswerEvent, ChatPrompt, ChatRequest, PipelineServices, Prepared, Route } from './types.js';

/** Kept free for the answer when the request sets no limit of its own. */
const ANSWER_RESERVE_TOKENS = 256;
/** A prompt of as many may not fit, and costs as much to search for as it does to count. */
const LONG_CHARACTERS = 16_384;
/** Line ends around a passage. */
const PASSAGE_FRAME_TOKENS = 2;

export function runChat(services: RunServices, request: ChatRequest, signal: AbortSignal): AsyncIterable<AnswerEvent> {
  return runAnswer(services, request, 'chatcmpl', (...args) => prepareChat(services, ...args), signal);
}

export async function tokensOf(
  services: PipelineServices,
  { principal, model, messages, toolUse, templateFlags }: ChatPrompt,
  signal: AbortSignal,
): Promise<Int32Array> {
  const route = await resolveModel(services, principal, model);
  const { instructions } = route;
  const { tools = [] } = offer(toolUse, route) ?? {};
  const prompt = chatOf(assemblePrompt({ instructions, messages, passages: null }), tools, templateFlags);
  return services.tokenizer.encode(prompt, { tenant: principal.tenant, signal });
}

/** Everything before the engine. */
export async function prepareChat(
  services: PipelineServices,
  request: ChatRequest,
  route: Route,
  screen: Screen | null,
  signal: AbortSignal,
): Promise<Prepared> {
  const { instructions } = route;
  const toolUse = offer(request.toolUse, route);
  const { tools = [] } = toolUse ?? {};
  const parts = { instructions, messages: request.messages, passages: null };
  const asGiven = chatOf(assemblePrompt(parts), tools, request.templateFlags);
  refuseHopeless(services, route, asGiven, request.maxTokens);
  const screened = await screenMessages(screen, request.messages, signal);
  if (screened.refusal !== null) return refused(screened.refusal);
  const messages = screened.left;
  const apart = route.retrieval.attention === 'block';
  const toPrompt = (passages: PromptParts['passages']) =>
    chatOf(assemblePrompt({ instructions, messages, passages, apart }), tools, request.templateFlags);
  const asked = askedIn(messages);
  const wanted = planRetrieval(route.retrieval, request.retrieval);
  if (wanted === null) {
    const prompt = messages === request.messages ? asGiven : toPrompt(null);
    return { ...ungrounded(prompt, asked.question), toolUse };
  }

  const count = async () => {
    const { length } = await services.tokenizer.encode(toPrompt([]), { tenant: request.principal.tenant, signal });
    return length;
  };
  let counted: number | null = null;
  // Of a long one it is known before anything is searched for it.
  if (messages.reduce((sum, { content }) => sum + content.length, 0) >= LONG_CHARACTERS) {
    counted = await count();
    requireContext(services, route, counted, request.maxTokens);
  }
  const [found, bareTokens] = await Promise.all([
    retrieve(services, route, { ...request, ...asked }, wanted, signal),
    counted ?? count(),
  ]);
  const sound = await screenPassages(screen, found.passages, signal);
  if (sound.refusal !== null) return refused(sound.refusal);
  const { kept, leftOut } = await selectEvidence(services, request, route, sound.left, bareTokens, signal);
  const passages = numberPassages(kept);
  return {
    refusal: null,
    prompt: toPrompt(passages),
    toolUse,
    question: asked.question,
    passages,
    leftOut,
    storeSnapshot: found.snapshot,
    retrievalMs: found.durationMs,
    retrievedAtMs: found.endedAtMs,
    retrieved: true,
    maxTokensYields: kept.length > 0,
  };
}

function chatOf(
  messages: readonly PromptMessage[],
  tools: readonly ToolDefinition[],
  flags: ChatRequest['templateFlags'],
): Prompt {
  return { kind: 'chat', messages, ...(tools.length > 0 && { tools }), ...(flags && { flags }) };
}

/** A prompt for which nothing is searched. */
export function ungrounded(prompt: Prompt, question = ''): Prepared {
  return {
    refusal: null,
    prompt,
    toolUse: null,
    question,
    passages: [],
    leftOut: [],
    storeSnapshot: null,
    retrievalMs: null,
    retrievedAtMs: null,
    retrieved: false,
    maxTokensYields: false,
  };
}

/** For which nothing is generated. */
export function refused(refusal: string): Prepared {
  return { ...ungrounded({ kind: 'text', text: '' }), refusal };
}

/**
 * Which of the passages found are given. @throws AppError `context_length_exceeded` where there is room for none: an answer
 * without them would say that nothing was found
 */
async function selectEvidence(
  { engines, tokenizer }: PipelineServices,
  { maxTokens, principal }: ChatRequest,
  { engine, retrieval }: Route,
  found: Prepared['leftOut'],
  bareTokens: number,
  signal: AbortSignal,
): Promise<ReturnType<typeof fitPassages>> {
  const { contextTokens } = engines.of(engine).model;
  // Too long even without them: the engine says so.
  if (found.length === 0 || bareTokens + (maxTokens ?? 1) > contextTokens) return { kept: [], leftOut: [...found] };
  const tokens = await tokenizer.count(numberPassages(found).map(passageBlock), { tenant: principal.tenant, signal });
  const costed: Costed[] = found.map((passage, i) => ({ passage, tokens: tokens[i]! + PASSAGE_FRAME_TOKENS }));
  const answerTokens = maxTokens ?? ANSWER_RESERVE_TOKENS;
  const budget = evidenceBudget(contextTokens - bareTokens, answerTokens, retrieval.budgetTokens);
  const fitted = fitPassages(costed, budget);
  const smallest = Math.min(...costed.map((one) => one.tokens));
  if (fitted.kept.length === 0 && smallest <= retrieval.budgetTokens) {
    throw new AppError('context_length_exceeded', {
      promptTokens: bareTokens + smallest,
      maxTokens: answerTokens,
      contextTokens,
    });
  }
  return fitted;
}
