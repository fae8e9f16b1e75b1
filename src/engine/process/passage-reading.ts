import { passageKey } from './passage-cache.js';
import type { Piece } from './plan.js';
import type { PrefixRoot } from './prefix-cache.js';

/**
 * How much further from the instructions each passage is computed than the one before it. Adapters learn passages one
 * behind the other: right behind the instructions they see the first one only, and confuse the others there
 * (docs/decisions/0065).
 */
export const GAP = 96;

/** A passage of a prompt that is not in place. */
export interface PassagePlace {
  readonly key: string;
  readonly tokens: number;
  /** Tokens in front of it where it is computed. */
  readonly instructionTokens: number;
  /** How many more there seem to be. */
  readonly gap: number;
  /** Where it stands in the prompt. */
  readonly position: number;
}

/**
 * What of a prompt's passages is still to be put in place. Each is computed right behind the instructions and then moved to
 * where it stands, from the last to the first: what comes later is computed in front of what is in place, and never over it.
 */
export class PassageReading {
  /** The next one is being computed for another request. */
  waits = false;
  /** By how much the instructions in the slot are turned back. */
  turnedBy = 0;
  readonly #borders: readonly number[];
  readonly #keys: readonly string[];
  readonly #longestTurn: number;
  #left: number;
  /** Tokens of the next passage that lie behind the instructions. */
  #computed = 0;

  /**
   * @param borders where each passage begins, and where the last one ends
   * @param longestTurn by how many positions keys can be turned
   */
  constructor(root: PrefixRoot, promptIds: Int32Array, borders: readonly number[], longestTurn: number) {
    const instructions = promptIds.subarray(0, borders[0]);
    this.#borders = borders;
    this.#longestTurn = longestTurn;
    this.#left = borders.length - 1;
    this.#keys = borders
      .slice(1)
      .map((end, i) => passageKey(root, instructions, this.#gapOf(i), promptIds.subarray(borders[i], end)));
  }

  get isOver(): boolean {
    return this.#left === 0;
  }

  /** Nothing is left when the next one is in place. */
  get isLast(): boolean {
    return this.#left === 1;
  }

  /** Where the last passage ends: all up to there is in place once it is over. */
  get end(): number {
    return this.#borders.at(-1)!;
  }

  get instructionTokens(): number {
    return this.#borders[0]!;
  }

  /** The one that is next, of those that are not in place; null: all are. */
  get next(): PassagePlace | null {
    if (this.isOver) return null;
    const i = this.#left - 1;
    const position = this.#borders[i]!;
    return {
      key: this.#keys[i]!,
      tokens: this.#borders[i + 1]! - position,
      instructionTokens: this.instructionTokens,
      gap: this.#gapOf(i),
      position,
    };
  }

  get isComputed(): boolean {
    return this.#computed > 0 && this.#computed === this.next?.tokens;
  }

  /** Tokens of the passages that are known by their keys. */
  tokensKnown(isKnown: (key: string) => boolean): number {
    return this.#keys.reduce((sum, key, i) => sum + (isKnown(key) ? this.#borders[i + 1]! - this.#borders[i]! : 0), 0);
  }

  /** What can be computed now. @param cachedTokens of the instructions that are there */
  piece(cachedTokens: number): Piece {
    const { instructionTokens } = this;
    if (cachedTokens < instructionTokens) {
      return { from: cachedTokens, start: cachedTokens, tokens: instructionTokens - cachedTokens };
    }
    const { position, tokens } = this.next!;
    return {
      from: position + this.#computed,
      start: instructionTokens + this.#computed,
      tokens: this.waits ? 0 : tokens - this.#computed,
    };
  }

  computed(tokens: number): void {
    this.#computed += tokens;
  }

  /** The next one stands where it belongs. */
  placed(): void {
    this.#left--;
    this.#computed = 0;
    this.waits = false;
  }

  #gapOf(index: number): number {
    return Math.min(index * GAP, this.#longestTurn);
  }
}
