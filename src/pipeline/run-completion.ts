import type { InfillFile, Prompt } from '../contracts/prompt.js';
import type { Screen } from '../contracts/safety.js';
import type { Tokenizer } from '../contracts/tokenizer.js';
import { AppError } from '../errors/app-error.js';
import { fitPassages, refuseHopeless } from './fit.js';
import { numberPassages, passageTitle } from './prompt.js';
import { planRetrieval, retrieve } from './retrieve.js';
import { runAnswer } from './run-answer.js';
import { refused, ungrounded } from './run-chat.js';
import { screenPassages } from './screen.js';
import type { RunServices } from './shadows.js';
import type { AnswerEvent, CompletionRequest, PipelineServices, Prepared, Route } from './types.js';

/** What marks a repository, and the file that is filled in. */
const FRAME_TOKENS = 16;
/** Around one file: its token and the line ends. */
const FILE_FRAME_TOKENS = 4;
/** No token of a vocabulary is longer; so files beyond the room by this measure need not be counted. */
const MAX_TOKEN_CHARACTERS = 64;
/** What is searched for: so many of the lines above the one that is being written. */
const QUERY_LINES = 12;

type Infill = Extract<Prompt, { kind: 'infill' }>;
type Count = (files: readonly InfillFile[]) => Promise<readonly number[]>;

export function runCompletion(
  services: RunServices,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncIterable<AnswerEvent> {
  return runAnswer(services, request, 'cmpl', (...args) => prepare(services, ...args), signal);
}

async function prepare(
  services: PipelineServices,
  request: CompletionRequest,
  route: Route,
  screen: Screen | null,
  signal: AbortSignal,
): Promise<Prepared> {
  const { principal, retrieval, maxTokens } = request;
  const asked = asInfill(services.tokenizer, request.prompt);
  refuseHopeless(services, route, withoutFiles(asked), maxTokens);
  const screened = await screenPrompt(screen, asked, signal);
  if (typeof screened === 'string') return refused(screened);
  const prompt = screened;
  if (prompt.kind !== 'infill') return ungrounded(prompt);
  // Passages are for whoever asks: a deployment's policy is about questions.
  const wanted = retrieval?.enabled ? planRetrieval(route.retrieval, retrieval) : null;
  if (wanted === null && prompt.files.length === 0) return ungrounded(prompt);

  const caller = { tenant: principal.tenant, signal };
  const search = { principal, question: queryOf(prompt), context: '' };
  const [bare, found] = await Promise.all([
    services.tokenizer.encode(withoutFiles(prompt), caller),
    wanted === null ? null : retrieve(services, route, search, wanted, signal),
  ]);
  const count: Count = (files) =>
    services.tokenizer.count(
      files.map(({ path, text }) => `${path}\n${text}`),
      caller,
    );
  const room = services.engines.of(route.engine).model.contextTokens - bare.length - (maxTokens ?? 1) - FRAME_TOKENS;
  const given = await fitFiles(prompt.files, Math.max(0, room), count);
  if (found === null) return ungrounded({ ...prompt, files: given.kept });

  const sound = await screenPassages(screen, found.passages, signal);
  if (sound.refusal !== null) return refused(sound.refusal);
  const shown = sound.left.map((passage) => ({ passage, path: passageTitle(passage), text: passage.text }));
  const tokens = await count(shown);
  const costed = sound.left.map((passage, i) => ({ passage, tokens: tokens[i]! + FILE_FRAME_TOKENS }));
  const { kept, leftOut } = fitPassages(costed, Math.min(route.retrieval.budgetTokens, given.left));
  const files = shown.filter(({ passage }) => kept.includes(passage)).map(({ path, text }) => ({ path, text }));
  return {
    refusal: null,
    prompt: { ...prompt, files: [...files.toReversed(), ...given.kept] },
    toolUse: null,
    question: '',
    passages: numberPassages(kept),
    leftOut,
    storeSnapshot: found.snapshot,
    retrievalMs: found.durationMs,
    retrievedAtMs: found.endedAtMs,
    retrieved: true,
    maxTokensYields: false,
  };
}

/** The prompt as the policy leaves it, or a refusal. */
async function screenPrompt(
  screen: Screen | null,
  prompt: CompletionRequest['prompt'],
  signal: AbortSignal,
): Promise<CompletionRequest['prompt'] | string> {
  if (screen === null) return prompt;
  if (prompt.kind === 'tokens') {
    const reason = 'the safety policy of this deployment reads texts, not token ids. Send the text';
    throw new AppError('invalid_value', { param: 'prompt', reason });
  }
  const given =
    prompt.kind === 'text' ? [prompt.text] : [prompt.prefix, prompt.suffix, ...prompt.files.map(({ text }) => text)];
  const { texts, refusal } = await screen.input([], given, signal);
  if (refusal !== null) return refusal;
  if (prompt.kind === 'text') return { ...prompt, text: texts[0]! };
  const [prefix, suffix, ...files] = texts;
  const shown = prompt.files.map((file, i) => ({ ...file, text: files[i]! }));
  return { ...prompt, prefix: prefix!, suffix: suffix!, files: shown };
}

/** Several editors write the model's tokens themselves; they get what those get that send a suffix. */
function asInfill(tokenizer: Tokenizer, prompt: CompletionRequest['prompt']): CompletionRequest['prompt'] {
  const raw = prompt.kind === 'text' ? tokenizer.readRawInfill(prompt.text) : null;
  return raw === null ? prompt : { kind: 'infill', ...raw, files: [] };
}

/** The lines above the one that is being written: they stay while it is, and so does what is found and cached. */
function queryOf({ prefix }: Infill): string {
  return prefix.split('\n').slice(0, -1).slice(-QUERY_LINES).join('\n');
}

/** Of which as many as fit are given. */
function withoutFiles(prompt: CompletionRequest['prompt']): CompletionRequest['prompt'] {
  return prompt.kind === 'infill' ? { ...prompt, files: [] } : prompt;
}

/** The last of the files, whole ones, as many as there is room for, and the room that they leave. */
async function fitFiles(
  files: readonly InfillFile[],
  room: number,
  count: Count,
): Promise<{ readonly kept: readonly InfillFile[]; readonly left: number }> {
  let characters = 0;
  const first = files.findLastIndex(({ text }) => {
    characters += text.length;
    return characters > room * MAX_TOKEN_CHARACTERS;
  });
  const candidates = files.slice(first + 1);
  const tokens = candidates.length === 0 ? [] : await count(candidates);
  let left = room;
  let start = candidates.length;
  while (start > 0 && tokens[start - 1]! + FILE_FRAME_TOKENS <= left) {
    start--;
    left -= tokens[start]! + FILE_FRAME_TOKENS;
  }
  return { kept: candidates.slice(start), left };
}
