/** What a deployment's safety policy makes of the messages, the passages and the answer of a request. */
import type { ChatMessage } from '../contracts/prompt.js';
import type { ScoredPassage } from '../contracts/retrieval.js';
import type { OutputScreen, Screen } from '../contracts/safety.js';
import { AppError } from '../errors/app-error.js';
import type { ChatRequest, CompletionRequest, PipelineServices, Route } from './types.js';

/** A refusal, or what the request goes on with. */
export type Screened<T> = { readonly refusal: string } | { readonly refusal: null; readonly left: T };

/** The policy's screen for one answer, which tells how long it takes; null: the deployment has none. */
export function openScreen(
  { safety, metrics, clock }: Pick<PipelineServices, 'safety' | 'metrics' | 'clock'>,
  { policy }: Route,
): Screen | null {
  if (policy === null) return null;
  const { input, passages, output, decisions } = safety.screen(policy);
  const timed = async <T>(stage: string, work: Promise<T>): Promise<T> => {
    const startedMs = clock.monotonicMs();
    const result = await work;
    metrics.observe('safety_duration_seconds', { stage }, (clock.monotonicMs() - startedMs) / 1000);
    return result;
  };
  return {
    input: (...args) => timed('input', input(...args)),
    passages: (...args) => timed('passages', passages(...args)),
    output: output && timedOutput(output),
    decisions,
  };

  /** All pieces together, once the answer is whole. */
  function timedOutput(screen: OutputScreen): OutputScreen {
    let ms = 0;
    const added = async (work: () => Promise<string>): Promise<string> => {
      const startedMs = clock.monotonicMs();
      const passed = await work();
      ms += clock.monotonicMs() - startedMs;
      return passed;
    };
    return {
      push: (text, signal) => added(() => screen.push(text, signal)),
      async end(signal) {
        const passed = await added(() => screen.end(signal));
        metrics.observe('safety_duration_seconds', { stage: 'output' }, ms / 1000);
        ms = 0;
        return passed;
      },
      stopped: screen.stopped,
    };
  }
}

/** Of a request that names them one by one. @throws AppError `unsupported_parameter`: they would show what the text does not */
export function checkLogprobs(screen: Screen | null, { topLogprobs }: ChatRequest | CompletionRequest): void {
  if (!screen?.output || topLogprobs === null) return;
  const reason =
    'the safety policy of this deployment screens answers, and log probabilities would show what it took out';
  throw new AppError('unsupported_parameter', { param: 'logprobs', reason });
}

/** What was said before the assistant's last word is only searched for texts; what is said now is classified too. */
export async function screenMessages(
  screen: Screen | null,
  messages: readonly ChatMessage[],
  signal: AbortSignal,
): Promise<Screened<readonly ChatMessage[]>> {
  if (screen === null) return { refusal: null, left: messages };
  const turnAt = messages.findLastIndex(({ role }) => role === 'assistant') + 1;
  const said = (part: readonly ChatMessage[]) => part.flatMap(textsOf);
  const { texts, refusal } = await screen.input(said(messages.slice(0, turnAt)), said(messages.slice(turnAt)), signal);
  if (refusal !== null) return { refusal };
  const next = texts[Symbol.iterator]();
  return { refusal, left: messages.map((message) => withTexts(message, () => next.next().value!)) };
}

function textsOf({ content, toolCalls = [] }: ChatMessage): string[] {
  return [content, ...toolCalls.map((call) => call.arguments)];
}

/** The texts of a message in the order in which they were taken from it. */
function withTexts(message: ChatMessage, next: () => string): ChatMessage {
  const content = next();
  if (message.toolCalls === undefined) return { ...message, content };
  return { ...message, content, toolCalls: message.toolCalls.map((call) => ({ ...call, arguments: next() })) };
}

/** What a passage says is its text, and the names that stand above it. */
export async function screenPassages(
  screen: Screen | null,
  passages: readonly ScoredPassage[],
  signal: AbortSignal,
): Promise<Screened<readonly ScoredPassage[]>> {
  if (screen === null || passages.length === 0) return { refusal: null, left: passages };
  const given = passages.map(({ text, filename, headingPath }) => [text, filename, ...headingPath]);
  const { passages: screened, refusal } = await screen.passages(given, signal);
  if (refusal !== null) return { refusal };
  const left = passages.flatMap((passage, i) => {
    const texts = screened[i];
    if (!texts) return [];
    const [text, filename, ...headingPath] = texts;
    return [{ ...passage, text: text!, filename: filename!, headingPath }];
  });
  return { refusal, left };
}
