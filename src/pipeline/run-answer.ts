import { randomUUID } from 'node:crypto';
import type { Charge } from '../contracts/quota.js';
import type { Screen } from '../contracts/safety.js';
import { AppError } from '../errors/app-error.js';
import { newCalls, offerAgain, runOwnCalls } from './calls/own-calls.js';
import { runChoices } from './choices.js';
import { withDeadline } from './deadline.js';
import { generateRound, type RoundRequest } from './generate-round.js';
import { recordAnswer, recordOf, type Tally, usageOf } from './record.js';
import { resolveRoute } from './resolve.js';
import { withDefaults } from './sampling.js';
import { checkLogprobs } from './screen.js';
import type { RunServices } from './shadows.js';
import { endOf, finish, ground, openTally } from './tally.js';
import type { AnswerEvent, ChatRequest, ChoiceEnd, CompletionRequest, Prepared, Route } from './types.js';

/** What a model says before it asks for calls, and what it says behind them, are paragraphs. */
const BETWEEN_ROUNDS = '\n\n';

const REFUSED = { reason: 'content_filter', stopText: null } as const;

/** Turns the request into a prompt, once it is known who answers. */
export type Prepare<R> = (request: R, route: Route, screen: Screen | null, signal: AbortSignal) => Promise<Prepared>;

/** The way of every answer: resolve, screen, prepare, generate, screen again, cite; and record, however it ends. */
export async function* runAnswer<R extends ChatRequest | CompletionRequest>(
  services: RunServices,
  asked: R,
  idPrefix: string,
  prepare: Prepare<R>,
  callerSignal: AbortSignal,
): AsyncGenerator<AnswerEvent, void, undefined> {
  const startedMs = services.clock.monotonicMs();
  const route = await resolveRoute(services, asked);
  const request = withDefaults(asked, route.generation);
  const id = request.answerId ?? `${idPrefix}-${randomUUID().replaceAll('-', '')}`;
  const tally = openTally(services, request, route, id, startedMs);
  const charge = await services.quota.open(request.principal, tally.createdAtMs);
  const limited = withDeadline(callerSignal, services.requestTimeoutMs);
  try {
    yield { type: 'routed', id: tally.id, createdAtMs: tally.createdAtMs, route };
    checkLogprobs(tally.screen, request);
    await services.waitForRoom(route.engine, tally.tenant, limited.signal);
    const prepared = await prepare(request, route, tally.screen, limited.signal);
    tally.prepared = prepared;
    if (prepared.refusal !== null) yield* refuse(services, tally, prepared.refusal, request.choices ?? 1);
    else yield* generate(services, request, tally, prepared, charge, limited.signal);
  } catch (error) {
    // After an abort its reason tells what happened; without one of ours the caller is gone, and so is our listener.
    const cause = limited.signal.aborted ? limited.signal.reason : error;
    if (limited.signal.aborted && !(cause instanceof AppError)) return;
    tally.outcome = cause instanceof AppError ? cause.code : 'internal';
    throw cause;
  } finally {
    limited.release();
    const { promptTokens, completionTokens } = usageOf(tally);
    charge.settle(promptTokens + completionTokens);
    // Not awaited: a client waits for its answer, not for the disk (decision 0023).
    void recordAnswer(services, tally);
  }
}

/** The policy's answer in the place of the model's. */
function* refuse(
  { clock }: RunServices,
  tally: Tally,
  text: string,
  choices: number,
): Generator<AnswerEvent, void, undefined> {
  tally.outcome = 'refused';
  tally.finishReason = 'content_filter';
  tally.text = text;
  yield { type: 'started', promptTokens: 0, cachedTokens: 0, search: null };
  for (let choice = 0; choice < choices; choice++) {
    yield { type: 'delta', choice, text, logprobs: [] };
    if (choices > 1) yield { type: 'choice_finished', choice, ...REFUSED, grounding: null };
  }
  const usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
  yield { type: 'finished', ...REFUSED, usage, grounding: null, record: recordOf(tally, clock) };
}

async function* generate(
  services: RunServices,
  request: ChatRequest | CompletionRequest,
  tally: Tally,
  prepared: Prepared,
  charge: Charge,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent, void, undefined> {
  const { choices = 1 } = request;
  const reserve = (prompt: number, answer: number) => charge.reserve(prompt + choices * answer);
  if (choices === 1) {
    const hooks = { reserve, onPromptRead: () => {} };
    const end = yield* generateChoice(services, request, tally, prepared, hooks, signal);
    if (services.copy(request, tally, { prepared, reason: end.reason })) tally.pair = tally.id;
    return yield finish(tally, end, services);
  }
  for (let choice = 1; choice < choices; choice++) {
    const id = `${tally.id}-${choice}`;
    tally.others.push({ ...openTally(services, request, tally.route, id, tally.startedMs), prepared });
  }
  const run = (own: Tally, choice: number, onPromptRead: () => void, until: AbortSignal) => {
    const { seed = null } = request.sampling;
    const seeded = { ...request, sampling: { ...request.sampling, seed: seed === null ? null : seed + choice } };
    // The first sets aside what all of them may take.
    const hooks = { reserve: choice === 0 ? reserve : async () => {}, onPromptRead };
    return generateChoice(services, seeded, own, prepared, hooks, until);
  };
  yield finish(tally, yield* runChoices([tally, ...tally.others], run, signal), services);
}

/** Round after round, as long as the model asks for functions of the deployment. */
async function* generateChoice(
  services: RunServices,
  request: ChatRequest | CompletionRequest,
  tally: Tally,
  prepared: Prepared,
  { reserve, onPromptRead }: Pick<RoundRequest, 'reserve' | 'onPromptRead'>,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent, ChoiceEnd, undefined> {
  const { engines, maxToolRounds, quota } = services;
  const { maxTokens } = request;
  const { maxTokensYields } = prepared;
  const search = searchOf(prepared);
  let { prompt, toolUse } = prepared;
  const charges: Charge[] = [];
  const made = new Set<string>();
  try {
    for (let round = 1; ; round++) {
      const left = maxTokens === null ? null : Math.max(1, maxTokens - tally.completionTokens);
      const later = charges.at(-1);
      const setAside = later ? (prompt: number, answer: number) => later.reserve(prompt + answer) : reserve;
      const asked = { prompt, toolUse, maxTokens: left, maxTokensYields, search, reserve: setAside, onPromptRead };
      const said = yield* generateRound(services, request, tally, asked, signal);
      if (said.own.length === 0 || toolUse === null || prompt.kind !== 'chat') {
        const leftTokens = engines.of(tally.route.engine).model.contextTokens - said.promptTokens;
        const lowered = maxTokens !== null && maxTokens > leftTokens ? leftTokens : null;
        return endOf(tally, said, ground(tally.text, prepared, lowered));
      }
      const calls = newCalls(said.own, toolUse.own, made);
      const toMake = { text: said.text, calls, own: toolUse.own };
      const results = await runOwnCalls(services, tally, toMake, tally.screen, signal);
      if (results.refusal !== null) {
        tally.text += results.refusal;
        yield { type: 'delta', text: results.refusal, logprobs: [] };
        return endOf(tally, REFUSED, ground(tally.text, prepared, null));
      }
      if (said.text !== '') {
        tally.text += BETWEEN_ROUNDS;
        yield { type: 'delta', text: BETWEEN_ROUNDS, logprobs: [] };
      }
      const { flags } = prompt;
      toolUse = offerAgain(toolUse, round === maxToolRounds || calls.length === 0);
      prompt = {
        kind: 'chat',
        messages: [...prompt.messages, ...results.left],
        ...(toolUse && { tools: toolUse.tools }),
        ...(flags && { flags }),
      };
      charges.push(await quota.open(request.principal, tally.createdAtMs));
    }
  } finally {
    // What all rounds took is settled with the first.
    for (const later of charges) later.settle(0);
  }
}

function searchOf({ retrieved, question, passages, leftOut }: Prepared) {
  return retrieved ? { query: question, passages: [...passages.map(({ passage }) => passage), ...leftOut] } : null;
}
