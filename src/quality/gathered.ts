import type { AnswerSignals } from '../contracts/quality.js';

/** What a baseline is made of, of one answer. */
export interface Gathered {
  readonly signals: Pick<AnswerSignals, 'topScore' | 'words' | 'questionLanguage' | 'refused' | 'groundedness'>;
  readonly question: Float32Array;
}

/** The largest number of a byte with a sign. */
const MOST = 127;

/**
 * The answers of a baseline to come: a thousand of each of 256 deployments. Questions are kept in a byte a number, a quarter of what they take as
 * floats: cosines are right to a thousandth, where topics differ by tenths.
 */
export class GatheredAnswers {
  readonly #kept: { readonly signals: Gathered['signals']; readonly scale: number; readonly question: Int8Array }[] =
    [];

  get count(): number {
    return this.#kept.length;
  }

  add({ topScore, words, questionLanguage, refused, groundedness }: Gathered['signals'], question: Float32Array): void {
    const scale = question.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / MOST || 1;
    this.#kept.push({
      signals: { topScore, words, questionLanguage, refused, groundedness },
      scale,
      question: Int8Array.from(question, (value) => Math.round(value / scale)),
    });
  }

  all(): Gathered[] {
    return this.#kept.map(({ signals, scale, question }) => ({
      signals,
      question: Float32Array.from(question, (value) => value * scale),
    }));
  }
}
