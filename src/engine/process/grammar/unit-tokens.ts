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
  /** By the most characters, once asked for. */
  readonly #within = new Map<number, Uint32Array>();
  readonly exits: Exits;

  /** @param next the unit's table @param start its state */
  constructor(trie: TokenTrie, next: Int16Array, start: number) {
    const { bytes, ends, depths, tokens, twins } = trie;
    this.characterBytes = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => next[byte] !== -1);
    this.#all = new Uint32Array(Math.ceil(twins.length / 32));
    const states = [start];
    const counts = [0];
    const exits = new ExitsBuilder();
    for (let at = 1; at < ends[0]!; ) {
      const depth = depths[at]!;
      const byte = bytes[at]!;
      const before = states[depth - 1]!;
      const to = next[before * 256 + byte]!;
      exits.path(depth, byte);
      if (to === -1) {
        exits.add(depth, at);
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
    this.exits = exits.build();
  }

  /** The most characters that a token has or begins. */
  get longest(): number {
    return this.#byCount.length - 1;
  }

  /** Sets the bits of the tokens that have at most so many characters. */
  addWithin(most: number, bits: Uint32Array): void {
    const within = most >= this.longest ? this.#all : this.#withinOf(most);
    for (let word = 0; word < bits.length; word++) bits[word]! |= within[word]!;
  }

  #withinOf(most: number): Uint32Array {
    let within = this.#within.get(most);
    if (!within) {
      within = new Uint32Array(this.#all.length);
      for (const tokens of this.#byCount.slice(0, most + 1)) {
        for (const token of tokens ?? []) within[token >> 5]! |= 1 << (token & 31);
      }
      this.#within.set(most, within);
    }
    return within;
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

/**
 * The ways to all nodes that are not within a loop but have their parents there, as a tree of its own: a hundredth of the
 * whole. Like a `TokenTrie`, without the root.
 */
export interface Exits {
  readonly bytes: readonly number[];
  readonly depths: readonly number[];
  readonly ends: readonly number[];
  /** The node of the tree of tokens where a way ends, -1 before that. */
  readonly nodes: readonly number[];
}

class ExitsBuilder {
  readonly #bytes: number[] = [];
  readonly #depths: number[] = [];
  readonly #nodes: number[] = [];
  /** Bytes by depth, and down to where they were added. */
  readonly #path: number[] = [];
  #added = 0;

  path(depth: number, byte: number): void {
    this.#path[depth] = byte;
    this.#added = Math.min(this.#added, depth - 1);
  }

  add(depth: number, node: number): void {
    for (let at = this.#added + 1; at <= depth; at++) {
      this.#bytes.push(this.#path[at]!);
      this.#depths.push(at);
      this.#nodes.push(at === depth ? node : -1);
    }
    this.#added = depth;
  }

  build(): Exits {
    const [bytes, depths, nodes] = [this.#bytes, this.#depths, this.#nodes];
    const ends = new Array<number>(depths.length);
    const open: number[] = [];
    for (let at = 0; at < depths.length; at++) {
      while (open.length > 0 && depths[open.at(-1)!]! >= depths[at]!) ends[open.pop()!] = at;
      open.push(at);
    }
    for (const at of open) ends[at] = depths.length;
    return { bytes, depths, ends, nodes };
  }
}
