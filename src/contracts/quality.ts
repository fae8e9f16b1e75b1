/** What an answer was worth. Types only. */

/** Computed after an answer, from its record and the texts that were at hand. */
export interface AnswerSignals {
  readonly answerId: string;
  /**
   * How far the answer's sentences are supported by the passages it was given, 0 … 1: their mean, and the least of them.
   * null: nothing to judge (no passages, a refusal, no sentence that states something).
   */
  readonly groundedness: number | null;
  readonly leastGrounded: number | null;
  /** Share of the markers whose passage holds what their sentence says; null: no marker. */
  readonly citationValidity: number | null;
  /** Share of the stating sentences that carry a marker; null: there is none, or no passage was given. */
  readonly citationCoverage: number | null;
  /** Share of the numbers that stand in a passage; null: no number, or no passage was given. */
  readonly numbersGrounded: number | null;
  /** The answer says that it cannot answer. */
  readonly refused: boolean;
  /** The limit of tokens ended it. */
  readonly truncated: boolean;
  readonly words: number;
  /** Share of its 4-grams of words that came before in it; null: shorter. */
  readonly repeatedNgrams: number | null;
  /** Of the tokens that were drawn, natural logarithms; null: the engine did not tell. */
  readonly meanLogprob: number | null;
  readonly leastLogprob: number | null;
  /** Of the best passage, and how far the next one is behind; null: no passage (no second one). */
  readonly topScore: number | null;
  readonly scoreGap: number | null;
  /** ISO 639-1, of the answer and of the question; null: too short to tell. */
  readonly language: string | null;
  readonly questionLanguage: string | null;
  /** Of the question, −1 … 1; null: it is not English. */
  readonly sentiment: number | null;
  /** Which of the baseline's topics the question is nearest to; null: there is no baseline. */
  readonly cluster: number | null;
  /** Milliseconds since the epoch. */
  readonly computedAt: number;
}
