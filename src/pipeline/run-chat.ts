import type { ChatMessage, Engine } from '../contracts/engine.js';
import { fitPassages } from './fit.js';
import { assemblePrompt, type Neutralize, passageTitle } from './prompt.js';
import { retrieve } from './retrieve.js';
import { runAnswer } from './run-answer.js';
import type { AnswerEvent, ChatRequest, PipelineServices, Prepared, Route } from './types.js';

/** Kept free for the answer when the request sets no limit of its own. */
const ANSWER_RESERVE_TOKENS = 256;
/** No token of a vocabulary is longer; so a text beyond the context by this measure need not be counted. */
const MAX_TOKEN_CHARACTERS = 64;
/** The chat template's tokens around one message. */
const MESSAGE_FRAME_TOKENS = 8;

export function runChat(
  services: PipelineServices,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncIterable<AnswerEvent> {
  return runAnswer(services, request, 'chatcmpl', (route, signal) => prepare(services, request, route, signal), signal);
}

async function prepare(
  services: PipelineServices,
  request: ChatRequest,
  route: Route,
  signal: AbortSignal,
): Promise<Prepared> {
  const { engine } = services;
  const { instructions } = route;
  const { messages } = request;
  const neutralize: Neutralize = (text, extra) => engine.neutralize(text, extra);
  const found = await retrieve(services, route, request, signal);
  if (found === null) {
    const chat = assemblePrompt({ instructions, messages, passages: null }, neutralize);
    return { prompt: { kind: 'chat', messages: chat }, passages: [], storeSnapshot: null, retrieved: false };
  }
  const withoutPassages = assemblePrompt({ instructions, messages, passages: [] }, neutralize);
  const left = contextLeft(engine, withoutPassages) - (request.maxTokens ?? ANSWER_RESERVE_TOKENS);
  const passages = fitPassages(found.passages, Math.min(route.retrieval.budgetTokens, left), (passage) =>
    engine.countTokens(passageTitle(passage)),
  );
  const chat = assemblePrompt({ instructions, messages, passages }, neutralize);
  return { prompt: { kind: 'chat', messages: chat }, passages, storeSnapshot: found.snapshot, retrieved: true };
}

/** Tokens of the context that a chat leaves. A text that cannot fit is not counted: it would take most of a second. */
function contextLeft(engine: Engine, messages: readonly ChatMessage[]): number {
  let left = engine.model.contextTokens;
  for (const { content } of messages) {
    if (content.length > left * MAX_TOKEN_CHARACTERS) return 0;
    left -= engine.countTokens(content) + MESSAGE_FRAME_TOKENS;
  }
  return left;
}
