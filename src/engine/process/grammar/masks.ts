import { GrammarTooHard, type Machine, type Place, placeInLoop, type Thread } from './machine.js';
import type { TokenTrie } from './trie.js';
import { type Exits, UnitTokens } from './unit-tokens.js';

/** The tokens that may come next, one bit each. */
export interface TokenMask {
  readonly bits: Uint32Array;
  readonly count: number;
}

/** Masks kept of all grammars; one of 151,936 tokens has 19 KB. */
const MOST_MASKS = 1024;

/** What one mask may cost in bytes looked at that were never seen before, each some microseconds. */
const MOST_STEPS = 20_000;

/**
 * Finds which tokens a grammar lets come. A pass over the tree of all tokens finds them wherever few may; within a loop of
 * characters, where nearly all may, they were found before (unit-tokens.ts), and only what leaves the loop is looked at.
 */
export class Masks {
  readonly trie: TokenTrie;
  readonly #words: number;
  readonly #eosIds: readonly number[];
  readonly #kept = new Map<Place, TokenMask>();
  readonly #unitTokens = new Map<string, UnitTokens>();
  readonly #path: Place[] = [];

  constructor(trie: TokenTrie, eosIds: Iterable<number>) {
    this.trie = trie;
    this.#words = Math.ceil(trie.twins.length / 32);
    this.#eosIds = [...eosIds];
  }

  /** @throws GrammarTooHard */
  of(machine: Machine, place: Place): TokenMask {
    let mask = this.#kept.get(place);
    if (mask) {
      this.#kept.delete(place);
    } else {
      mask = this.#find(machine, place);
      if (this.#kept.size >= MOST_MASKS) this.#kept.delete(this.#kept.keys().next().value!);
    }
    this.#kept.set(place, mask);
    return mask;
  }

  #find(machine: Machine, place: Place): TokenMask {
    const bits = new Uint32Array(this.#words);
    const budget = { steps: MOST_STEPS };
    if (!this.#addRoomy(machine, place, bits, budget)) {
      const others = place.threads.filter((thread) => !this.#addLoop(machine, thread, bits, budget));
      if (others.length > 0) {
        const rest = others.length === place.threads.length ? place : machine.only(others);
        this.#walk(machine, rest, 0, bits, budget);
      }
    }
    if (place.mayEnd) for (const id of this.#eosIds) bits[id >> 5]! |= 1 << (id & 31);
    return { bits, count: bits.reduce((sum, word) => sum + ones(word), 0) };
  }

  /**
   * A loop that takes every token of its characters, however long: whatever else may come has a byte that is none of them,
   * and the ways up to those are few. False where there is none.
   */
  #addRoomy(machine: Machine, place: Place, bits: Uint32Array, budget: { steps: number }): boolean {
    for (const { state, count } of place.threads) {
      if (state >= 0) continue;
      const { loop, unit } = placeInLoop(state);
      const { unit: table, max } = machine.program.loops[loop]!;
      const tokens = this.#tokensOf(machine, table, unit);
      if (max - count < tokens.longest) continue;
      tokens.addWithin(max - count, bits);
      this.#walkExits(machine, place, tokens.exits, bits, budget);
      return true;
    }
    return false;
  }

  /** Whether it could be done: a loop that is left by a character that it could also take is walked like anything else. */
  #addLoop(machine: Machine, thread: Thread, bits: Uint32Array, budget: { steps: number }): boolean {
    if (thread.state >= 0) return false;
    const { loop, unit } = placeInLoop(thread.state);
    const { unit: table, min, max } = machine.program.loops[loop]!;
    const behind = machine.behind(thread);
    const tokens = this.#tokensOf(machine, table, unit);
    const leaving = tokens.leavingBytes.filter((byte) => machine.step(behind, byte) !== null);
    if (tokens.characterBytes.some((byte) => machine.step(behind, byte) !== null)) return false;
    tokens.addWithin(max - thread.count, bits);
    for (const byte of leaving) {
      const next = machine.step(behind, byte)!;
      tokens.eachLeaving(byte, min - thread.count, max - thread.count, (node) => {
        this.#add(node, bits);
        this.#walk(machine, next, node, bits, budget);
      });
    }
    return true;
  }

  #tokensOf(machine: Machine, table: number, unit: number): UnitTokens {
    const { key, next } = machine.program.units[table]!;
    const name = `${unit}:${key}`;
    let tokens = this.#unitTokens.get(name);
    if (!tokens) {
      if (this.#unitTokens.size >= 64) this.#unitTokens.clear();
      tokens = new UnitTokens(this.trie, next, unit);
      this.#unitTokens.set(name, tokens);
    }
    return tokens;
  }

  /** Everything below a node. */
  #walk(machine: Machine, place: Place, node: number, bits: Uint32Array, budget: { steps: number }): void {
    const { bytes, ends, depths } = this.trie;
    const { classOf } = machine;
    const path = this.#path;
    path[depths[node]!] = place;
    const end = ends[node]!;
    for (let at = node + 1; at < end; ) {
      const depth = depths[at]!;
      const before = path[depth - 1]!;
      const known = before.next[classOf[bytes[at]!]!];
      const next = known === undefined ? stepped(machine, before, bytes[at]!, budget) : known;
      if (next === null) {
        at = ends[at]!;
        continue;
      }
      this.#add(at, bits);
      path[depth] = next;
      at++;
    }
  }

  #walkExits(machine: Machine, place: Place, exits: Exits, bits: Uint32Array, budget: { steps: number }): void {
    const { bytes, depths, ends, nodes } = exits;
    const path = this.#path;
    path[0] = place;
    for (let at = 0; at < bytes.length; ) {
      const depth = depths[at]!;
      const next = stepped(machine, path[depth - 1]!, bytes[at]!, budget);
      if (next === null) {
        at = ends[at]!;
        continue;
      }
      path[depth] = next;
      const node = nodes[at]!;
      if (node !== -1) {
        this.#add(node, bits);
        this.#walk(machine, next, node, bits, budget);
      }
      at++;
    }
  }

  #add(node: number, bits: Uint32Array): void {
    const { tokens, twins } = this.trie;
    for (let token = tokens[node]!; token !== -1; token = twins[token]!) bits[token >> 5]! |= 1 << (token & 31);
  }
}

function stepped(machine: Machine, place: Place, byte: number, budget: { steps: number }): Place | null {
  const known = place.next[machine.classOf[byte]!];
  if (known !== undefined) return known;
  if (budget.steps-- === 0) throw new GrammarTooHard('too much of it is different at every character');
  return machine.step(place, byte);
}

function ones(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
