import type { Vocabulary } from './vocabulary.js';

/** No word that is cut short has more tokens than this, or nearly none. */
const MOST_TOKENS = 4;

/**
 * What of an answer is written already: the last word up to the cursor, which may end within a token. The first tokens
 * drawn have to spell it, in whichever way the model likes best with what comes behind; only that is the answer.
 * ("Token healing", as the authors of Guidance call it.)
 */
export class BegunText {
  /** How many of the last tokens are spelled again: all from where one token may reach over the end of the text. */
  readonly tokens: number;
  readonly #vocabulary: Vocabulary;
  #left: Uint8Array;

  /** @param written the tokens of what is written, which the model has not drawn itself */
  constructor(vocabulary: Vocabulary, written: Int32Array) {
    this.#vocabulary = vocabulary;
    this.tokens = 0;
    this.#left = new Uint8Array(0);
    for (let count = 1; count <= Math.min(MOST_TOKENS, written.length); count++) {
      const text = Buffer.concat(Array.from(written.subarray(-count), (id) => vocabulary.bytes(id)));
      if (text.length === 0 || !vocabulary.canContinue(text)) continue;
      this.tokens = count;
      this.#left = text;
    }
  }

  /** The tokens that may come next; null where all may. */
  candidates(): readonly number[] | null {
    return this.#left.length === 0 ? null : this.#vocabulary.spelling(this.#left);
  }

  /** How many bytes of this next token are written already. */
  take(token: number): number {
    const taken = Math.min(this.#left.length, this.#vocabulary.bytes(token).length);
    this.#left = this.#left.subarray(taken);
    return taken;
  }
}
