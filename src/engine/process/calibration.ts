import type { StepCost } from './drafting.js';
import type { ModelRunner } from './runner.js';

const TOKENS = 8;
const WARM_UP = 2;
const ROUNDS = 9;
/** What else runs while we start slows several threads more than one: fewer must be that much faster to be taken. */
const PLAINLY_FASTER = 0.9;

/** Numbers of threads worth trying: a thread a processor, or a core where two processors share one. */
export function threadCandidates(processors: number): number[] {
  return [...new Set([processors, Math.ceil(processors / 2)])];
}

/**
 * Measures steps of the model with each number of threads, most first, and leaves the runner with the best one. Blocks
 * for some 100 ms.
 */
export function calibrate(
  runner: ModelRunner,
  candidates: readonly number[],
  now: () => number = () => performance.now(),
): { readonly threads: number; readonly cost: StepCost } {
  let best: { threads: number; ms: number } | null = null;
  for (const threads of candidates) {
    runner.useThreads(threads);
    const ms = stepMs(runner, TOKENS, now);
    if (!best || ms < best.ms * PLAINLY_FASTER) best = { threads, ms };
  }
  const { threads, ms } = best!;
  if (threads !== candidates.at(-1)) runner.useThreads(threads);
  const oneMs = stepMs(runner, 1, now);
  const tokenMs = Math.max(0, (ms - oneMs) / (TOKENS - 1));
  return { threads, cost: { fixedMs: Math.max(0, oneMs - tokenMs), tokenMs } };
}

/** Shortest time of a step of so many tokens. They lie in a slot that nobody uses yet. */
function stepMs(runner: ModelRunner, tokens: number, now: () => number): number {
  const logits = runner.exact ? tokens : 1;
  const segment = { slot: 0, start: 0, ids: new Int32Array(tokens), adapterSlot: null, logits };
  let shortest = Number.POSITIVE_INFINITY;
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const start = now();
    runner.run([segment]);
    if (round >= 0) shortest = Math.min(shortest, now() - start);
  }
  return shortest;
}
