import type { Vocabulary } from '../vocabulary.js';
import { GrammarTooHard, type Machine, type Place } from './machine.js';
import type { Masks, TokenMask } from './masks.js';
import { longestToken } from './trie.js';

/** Where one answer stands in its grammar. */
export class Matcher {
  readonly #machine: Machine;
  readonly #masks: Masks;
  readonly #vocabulary: Vocabulary;
  #place: Place;

  constructor(machine: Machine, masks: Masks, vocabulary: Vocabulary) {
    this.#machine = machine;
    this.#masks = masks;
    this.#vocabulary = vocabulary;
    this.#place = machine.start;
  }

  /** The tokens that may come next. @throws GrammarTooHard */
  mask(): TokenMask {
    return this.#masks.of(this.#machine, this.#place);
  }

  /** Nothing may come any more. */
  get isComplete(): boolean {
    return this.#place.mayEnd && this.#place.threads.length === 0;
  }

  /** @param token one that may come */
  accept(token: number): void {
    const next = this.#after(this.#place, token);
    if (next === null) throw new Error('a token came that the grammar does not let come');
    this.#place = next;
  }

  /** How many of these tokens may come, one after another. */
  fitting(tokens: readonly number[]): number {
    return this.#within(0, () => {
      let place: Place | null = this.#place;
      for (const [index, token] of tokens.entries()) {
        // An end token, which has no bytes, ends a draft.
        if (this.#vocabulary.bytes(token).length === 0) return index;
        place = this.#after(place, token);
        if (place === null) return index;
      }
      return tokens.length;
    });
  }

  /** The tokens of the text that has to come, as far as it is the only one. @param most of them */
  forced(most: number): number[] {
    return this.#within([], () => {
      const bytes: number[] = [];
      let place = this.#place;
      for (let byte = this.#machine.soleByte(place); byte !== -1; byte = this.#machine.soleByte(place)) {
        bytes.push(byte);
        place = this.#machine.step(place, byte)!;
        if (bytes.length > 16 * most) break;
      }
      const { tokens, depths } = this.#masks.trie;
      const drafted: number[] = [];
      for (let at = 0; at < bytes.length && drafted.length < most; ) {
        const node = longestToken(this.#masks.trie, bytes, at);
        if (node === 0) break;
        drafted.push(tokens[node]!);
        at += depths[node]!;
      }
      return drafted;
    });
  }

  #after(from: Place | null, token: number): Place | null {
    let place = from;
    for (const byte of this.#vocabulary.bytes(token)) {
      if (place === null) return null;
      place = this.#machine.step(place, byte);
    }
    return place;
  }

  /** What is too hard to guess is not guessed. */
  #within<T>(otherwise: T, guess: () => T): T {
    try {
      return guess();
    } catch (error) {
      if (error instanceof GrammarTooHard) return otherwise;
      throw error;
    }
  }
}
