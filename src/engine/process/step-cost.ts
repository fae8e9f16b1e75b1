/** What a step is expected to take. Both grow with every number that they are given. */
export interface StepCost {
  /** Milliseconds of a step in which answers go on, by so many tokens in all, drafted ones among them. */
  answersMs(tokens: number): number;
  /**
   * Milliseconds that tokens of prompts take beside them.
   * @param attended how many tokens those of the prompts look back at, summed over them
   */
  promptsMs(answerTokens: number, promptTokens: number, attended: number): number;
}

/** Milliseconds by number of tokens, both ascending; between two entries in a straight line. */
export type Curve = readonly (readonly [tokens: number, ms: number])[];

/** What steps took when they were measured. Plain data: kept between starts. */
export interface StepProfile {
  /** Steps in which the logits of every token are wanted. */
  readonly answers: Curve;
  /** Steps in which they are wanted of one. */
  readonly prompts: Curve;
  /** For a token of a prompt to look back at one other. */
  readonly attendedMs: number;
}

/** What one step computed. */
export interface StepWork {
  readonly answerTokens: number;
  readonly promptTokens: number;
  readonly attended: number;
}

/** Weight of one step in the moving averages. */
const LEARNING_RATE = 0.1;
/** What keeps the machine busy for one step says little about the next: its share is bounded. */
const LARGEST_SURPRISE = 2;

/**
 * Expects what was measured at start, times how much slower or faster steps have been of late: adapters, longer
 * answers and what else runs on the machine change all steps alike, and what a step of another size takes is then known
 * without having run one.
 */
export class MeasuredStepCost implements StepCost {
  readonly #profile: StepProfile;
  #answersFactor = 1;
  #promptsFactor = 1;

  constructor(profile: StepProfile) {
    this.#profile = profile;
  }

  answersMs(tokens: number): number {
    return this.#answersFactor * at(this.#profile.answers, tokens);
  }

  promptsMs(answerTokens: number, promptTokens: number, attended: number): number {
    if (promptTokens === 0) return 0;
    const { prompts, attendedMs } = this.#profile;
    const before = answerTokens === 0 ? 0 : at(prompts, answerTokens);
    return this.#promptsFactor * (at(prompts, answerTokens + promptTokens) - before + attended * attendedMs);
  }

  /** To be called after every step. */
  observe({ answerTokens, promptTokens, attended }: StepWork, ms: number): void {
    const answersMs = answerTokens === 0 ? 0 : this.answersMs(answerTokens);
    const promptsMs = this.promptsMs(answerTokens, promptTokens, attended);
    const surprise = ms / (answersMs + promptsMs);
    if (!Number.isFinite(surprise)) return;
    const factor = Math.min(LARGEST_SURPRISE, Math.max(1 / LARGEST_SURPRISE, surprise)) ** LEARNING_RATE;
    // Beside a flood no step is without prompts: what slows a step of both slows both.
    if (answerTokens > 0) this.#answersFactor *= factor;
    if (promptTokens > 0) this.#promptsFactor *= factor;
  }
}

function at(curve: Curve, tokens: number): number {
  const next = curve.findIndex(([count]) => count >= tokens);
  const upper = next === -1 ? curve.length - 1 : next;
  const [count, ms] = curve[upper]!;
  const previous = curve[upper - 1];
  if (count === tokens || !previous) return ms;
  const slope = (ms - previous[1]) / (count - previous[0]);
  return ms + (tokens - count) * slope;
}
