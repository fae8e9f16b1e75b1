import { LONGEST_DRAFT } from './drafting.js';
import type { ModelRunner, Segment } from './runner.js';
import type { Curve, StepProfile } from './step-cost.js';

/** What is known of this machine and this model: kept between starts. */
export interface Calibration {
  readonly threads: number;
  readonly profile: StepProfile;
}

export interface Measuring {
  /** Slots and positions of the runner. */
  readonly slots: number;
  readonly contextTokens: number;
  readonly now: () => number;
}

/** By these the number of threads is chosen. */
const TOKENS = 8;
const ANSWER_TOKENS = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64];
const PROMPT_TOKENS = [1, 16, 64, 192];
/** Where a chunk begins that is compared with one that begins at 0. */
const LOOKING_BACK = { start: 768, tokens: 64 };
const WARM_UP = 2;
const ROUNDS = 9;
/** Of steps that take long, by the time that they may take together. */
const FEWEST_ROUNDS = 2;
const PATIENCE_MS = 200;
/** What else runs while we start slows several threads more than one: fewer must be that much faster to be taken. */
const PLAINLY_FASTER = 0.9;

/** Numbers of threads worth trying: a thread a processor, or a core where two processors share one. */
export function threadCandidates(processors: number): number[] {
  return [...new Set([processors, Math.ceil(processors / 2)])];
}

/**
 * Measures steps of the model with each number of threads, most first, and leaves the runner with the best one; then
 * what steps of it take by their number of tokens. Blocks for one to ten seconds.
 */
export function calibrate(runner: ModelRunner, candidates: readonly number[], measuring: Measuring): Calibration {
  const shortest = (segments: readonly Segment[]) => shortestMs(runner, segments, measuring.now);
  const answers = (tokens: number) => shortest(answersOf(tokens, runner.exact, measuring.slots));
  let best: { threads: number; ms: number } | null = null;
  for (const threads of candidates) {
    runner.useThreads(threads);
    const ms = answers(Math.min(TOKENS, mostAnswerTokens(runner.exact, measuring.slots)));
    if (!best || ms < best.ms * PLAINLY_FASTER) best = { threads, ms };
  }
  const { threads } = best!;
  if (threads !== candidates.at(-1)) runner.useThreads(threads);

  const most = mostAnswerTokens(runner.exact, measuring.slots);
  const prompt = (tokens: number, start = 0) => shortest([segment(0, tokens, start, 1)]);
  const promptSizes = PROMPT_TOKENS.filter((tokens) => tokens <= measuring.contextTokens);
  const profile = {
    answers: curve(
      ANSWER_TOKENS.filter((tokens) => tokens <= most),
      answers,
    ),
    prompts: curve(promptSizes, (tokens) => prompt(tokens)),
    attendedMs: attendedMs(measuring.contextTokens, prompt),
  };
  return { threads, profile };
}

function mostAnswerTokens(exact: boolean, slots: number): number {
  return exact ? slots * (1 + LONGEST_DRAFT) : slots;
}

function attendedMs(contextTokens: number, prompt: (tokens: number, start: number) => number): number {
  const tokens = Math.min(LOOKING_BACK.tokens, Math.ceil(contextTokens / 2));
  const start = Math.min(LOOKING_BACK.start, contextTokens - tokens);
  if (start === 0) return 0;
  return Math.max(0, prompt(tokens, start) - prompt(tokens, 0)) / (tokens * start);
}

/**
 * A step of more tokens takes no less: where one took less, the smaller one was disturbed. Never the other way round, as
 * nothing makes a step faster, and what was measured beside a busy neighbour is kept.
 */
function curve(sizes: readonly number[], measure: (tokens: number) => number): Curve {
  const measured = sizes.map(measure);
  return sizes.map((tokens, i) => [tokens, Math.min(...measured.slice(i))] as const);
}

/** As drafts are verified, one token after another of few rows; where there are none, a row each. */
function answersOf(tokens: number, exact: boolean, slots: number): Segment[] {
  if (!exact) return Array.from({ length: tokens }, (_, slot) => segment(slot, 1, 0, 1));
  const rows = Math.min(slots, tokens);
  return Array.from({ length: rows }, (_, slot) => {
    const own = Math.floor(tokens / rows) + Number(slot < tokens % rows);
    return segment(slot, own, 0, own);
  });
}

function segment(slot: number, tokens: number, start: number, logits: number): Segment {
  return { slot, start, ids: new Int32Array(tokens), adapterSlot: null, logits };
}

/** Shortest time of a step. Its tokens lie in slots that nobody uses yet. */
function shortestMs(runner: ModelRunner, segments: readonly Segment[], now: () => number): number {
  let shortest = Number.POSITIVE_INFINITY;
  let spentMs = 0;
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    if (round >= FEWEST_ROUNDS - WARM_UP && spentMs > PATIENCE_MS) break;
    const start = now();
    runner.run(segments);
    const ms = now() - start;
    spentMs += ms;
    shortest = Math.min(shortest, ms);
  }
  return shortest;
}
