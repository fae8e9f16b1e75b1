import type { TokenTrie } from './trie.js';

/**
 * Which tokens are nothing but characters of a loop, and where tokens leave it: found once for all grammars that have such
 * a loop, as what may be in a string is the same in all of them.
 */
export class UnitTokens {
  /** What a character may begin with. */
  readonly characterBytes: readonly number[];
  /** What else comes behind a whole character somewhere. */
  readonly leavingBytes: readonly number[];
  /** Tokens by the number of characters that they have, or begin. */
  readonly #byCount: number[][] = [];
  /** By byte: nodes behind it, and the characters before it. */
  readonly #leaving = new Map<number, { nodes: number[]; counts: number[] }>();
  readonly #all: Uint32Array;

  /** @param next the unit's table @param start its state */
  constructor(trie: TokenTrie, next: Int16Array, start: number) {
    const { bytes, ends, depths, tokens, twins } = trie;
    this.characterBytes = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => next[byte] !== -1);
    this.#all = new Uint32Array(Math.ceil(twins.length / 32));
    const states = [start];
    const counts = [0];
    for (let at = 1; at < ends[0]!; ) {
      const depth = depths[at]!;
      const byte = bytes[at]!;
      const before = states[depth - 1]!;
      const to = next[before * 256 + byte]!;
      if (to === -1) {
        // What comes before any character leaves a place that was left before.
        if (before === 0 && depth > 1) this.#leave(byte, at, counts[depth - 1]!);
        at = ends[at]!;
        continue;
      }
      states[depth] = to;
      counts[depth] = counts[depth - 1]! + Number(to === 0);
      for (let token = tokens[at]!; token !== -1; token = twins[token]!) {
        (this.#byCount[counts[depth]! + Number(to !== 0)] ??= []).push(token);
        this.#all[token >> 5]! |= 1 << (token & 31);
      }
      at++;
    }
    this.leavingBytes = [...this.#leaving.keys()];
  }

  /** Sets the bits of the tokens that have at most so many characters. */
  addWithin(most: number, bits: Uint32Array): void {
    if (most >= this.#byCount.length - 1) {
      for (let word = 0; word < bits.length; word++) bits[word]! |= this.#all[word]!;
      return;
    }
    for (const tokens of this.#byCount.slice(0, most + 1)) {
      for (const token of tokens ?? []) bits[token >> 5]! |= 1 << (token & 31);
    }
  }

  /** The nodes behind `byte`, with at least and at most so many characters before it. */
  eachLeaving(byte: number, least: number, most: number, visit: (node: number) => void): void {
    const { nodes, counts } = this.#leaving.get(byte)!;
    for (const [index, node] of nodes.entries()) {
      if (counts[index]! >= least && counts[index]! <= most) visit(node);
    }
  }

  #leave(byte: number, node: number, count: number): void {
    const leaving = this.#leaving.get(byte) ?? { nodes: [], counts: [] };
    leaving.nodes.push(node);
    leaving.counts.push(count);
    this.#leaving.set(byte, leaving);
  }
}
