import type { GeneratedToken } from '../../contracts/generator.js';

/**
 * Tokens on their way to the reader, who gets each with the text in which it begins: so tokens that turn out to be part
 * of a stop text never come, as their text never does.
 */
export class HeldTokens {
  #waiting: { readonly token: GeneratedToken; readonly start: number }[] = [];
  #shown = 0;

  /** @param start characters decoded before it */
  push(token: GeneratedToken, start: number): void {
    this.#waiting.push({ token, start });
  }

  /** The tokens that begin in what is shown now. @param characters that were shown since the last call */
  shown(characters: number): GeneratedToken[] {
    this.#shown += characters;
    const released = this.#waiting.filter(({ start }) => start < this.#shown);
    this.#waiting = this.#waiting.slice(released.length);
    return released.map(({ token }) => token);
  }
}
