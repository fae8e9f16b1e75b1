import { OP, type Program } from '../../grammar/program.js';

/** Ways that are open at once, at most: a grammar with more is too ambiguous to follow. */
const MOST_THREADS = 1024;

/** Places kept of one grammar; with more it starts over for those who come then. */
const MOST_PLACES = 20_000;

/** States of a unit, at most; what is below zero is a place within a loop. */
const UNIT_STATES = 4096;

/** The answer would take too long to follow. */
export class GrammarTooHard extends Error {}

/** One way to read the answer so far: a state (or a place in a loop, with the characters read of it) over a stack of returns. */
export interface Thread {
  readonly state: number;
  readonly count: number;
  readonly stack: number;
}

/** Everything the answer so far may be: what may follow depends on nothing else. Equal places are one object. */
export interface Place {
  readonly threads: readonly Thread[];
  /** The answer may end here. */
  readonly mayEnd: boolean;
  /** By class of bytes; undefined: not tried yet, null: the answer cannot go on so. */
  readonly next: (Place | null | undefined)[];
}

/** Nothing is below: the whole ends there. */
const BOTTOM = 0;

/**
 * Runs a program byte after byte: all ways at once, as Thompson does with regular expressions (1968), each with its stack of
 * calls. Places are kept with what follows on them, so that a way gone once is a look-up (a deterministic automaton that is
 * built as it is used).
 */
export class Machine {
  readonly program: Program;
  readonly start: Place;
  /** Bytes that no state tells apart have the same class. */
  readonly classOf: Uint8Array;
  readonly #classes: number;
  readonly #places = new Map<string, Place>();
  readonly #stacks: { readonly returns: number; readonly below: number }[] = [{ returns: -1, below: -1 }];
  readonly #stackIds = new Map<string, number>();

  constructor(program: Program) {
    this.program = program;
    [this.classOf, this.#classes] = byteClasses(program);
    this.start = this.#place([{ state: program.rules[0]!, count: 0, stack: BOTTOM }], false);
  }

  /** It has grown so much that a new one is wanted for the next answer. */
  get isWorn(): boolean {
    return this.#places.size > MOST_PLACES || this.#stacks.length > MOST_PLACES;
  }

  /** Where a byte leads to; null: it may not come. @throws GrammarTooHard */
  step(place: Place, byte: number): Place | null {
    const kind = this.classOf[byte]!;
    const known = place.next[kind];
    if (known !== undefined) return known;
    const threads: Thread[] = [];
    for (const { state, count, stack } of place.threads) {
      if (state < 0) this.#stepLoop(state, count, stack, byte, threads);
      else this.#stepState(state, stack, byte, threads);
    }
    const next = threads.length === 0 ? null : this.#place(threads, false);
    place.next[kind] = next;
    return next;
  }

  /** The one byte that may come; -1 where there are several, or none, or the answer may end. */
  soleByte(place: Place): number {
    if (place.mayEnd) return -1;
    let sole = -1;
    const { ops, starts, loops, units } = this.program;
    for (const { state, count } of place.threads) {
      if (state < 0) {
        const { loop, unit } = placeInLoop(state);
        const { next } = units[loops[loop]!.unit]!;
        if (unit === 0 && count >= loops[loop]!.max) continue;
        for (let byte = 0; byte < 256; byte++) {
          if (next[unit * 256 + byte] === -1) continue;
          if (sole !== -1 && sole !== byte) return -1;
          sole = byte;
        }
        continue;
      }
      for (let op = starts[state]!; op < starts[state + 1]!; op += 4) {
        if (ops[op] !== OP.byte) continue;
        if (ops[op + 1] !== ops[op + 2] || (sole !== -1 && sole !== ops[op + 1])) return -1;
        sole = ops[op + 1]!;
      }
    }
    return sole;
  }

  /** Some of a place's threads, as a place. */
  only(threads: readonly Thread[]): Place {
    return this.#intern([...threads], false);
  }

  /** Behind the loop that a thread is in. */
  behind({ stack }: Thread): Place {
    const { returns, below } = this.#stacks[stack]!;
    return this.#place([{ state: returns, count: 0, stack: below }], false);
  }

  #stepState(state: number, stack: number, byte: number, into: Thread[]): void {
    const { ops, starts } = this.program;
    for (let op = starts[state]!; op < starts[state + 1]!; op += 4) {
      if (ops[op] !== OP.byte || byte < ops[op + 1]! || byte > ops[op + 2]!) continue;
      into.push({ state: ops[op + 3]!, count: 0, stack });
    }
  }

  #stepLoop(state: number, count: number, stack: number, byte: number, into: Thread[]): void {
    const { loop, unit } = placeInLoop(state);
    const { unit: table, min, max } = this.program.loops[loop]!;
    if (unit === 0 && count >= max) return;
    const next = this.program.units[table]!.next[unit * 256 + byte]!;
    if (next === -1) return;
    // How often is of no interest where there is no limit to it.
    const counted = next === 0 ? Math.min(count + 1, max === Number.POSITIVE_INFINITY ? min : max) : count;
    into.push({ state: stateInLoop(loop, next), count: counted, stack });
  }

  /** Follows everything that takes no byte. */
  #place(from: readonly Thread[], ends: boolean): Place {
    const { ops, starts, rules, loops } = this.program;
    const seen = new Set<string>();
    const ready: Thread[] = [];
    const open = [...from];
    let mayEnd = ends;
    const returnOf = (stack: number) => {
      if (stack === BOTTOM) mayEnd = true;
      else open.push({ state: this.#stacks[stack]!.returns, count: 0, stack: this.#stacks[stack]!.below });
    };
    for (let thread = open.pop(); thread !== undefined; thread = open.pop()) {
      const { state, count, stack } = thread;
      const key = `${state},${count},${stack}`;
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > 8 * MOST_THREADS) throw new GrammarTooHard('too many ways are open at once');
      if (state < 0) {
        const { loop, unit } = placeInLoop(state);
        if (unit === 0 && count >= loops[loop]!.min) returnOf(stack);
        if (unit !== 0 || count < loops[loop]!.max) ready.push(thread);
        continue;
      }
      let reads = false;
      for (let op = starts[state]!; op < starts[state + 1]!; op += 4) {
        const operand = ops[op + 1]!;
        if (ops[op] === OP.byte) reads = true;
        else if (ops[op] === OP.jump) open.push({ state: operand, count: 0, stack });
        else if (ops[op] === OP.end) returnOf(stack);
        else {
          const called = ops[op] === OP.call ? rules[operand]! : stateInLoop(operand, 0);
          open.push({ state: called, count: 0, stack: this.#pushed(ops[op + 2]!, stack) });
        }
      }
      if (reads) ready.push(thread);
    }
    return this.#intern(ready, mayEnd);
  }

  #intern(threads: Thread[], mayEnd: boolean): Place {
    if (threads.length > MOST_THREADS) throw new GrammarTooHard('too many ways are open at once');
    threads.sort((a, b) => a.state - b.state || a.count - b.count || a.stack - b.stack);
    const key = `${mayEnd ? '.' : ''}${threads.map(({ state, count, stack }) => `${state},${count},${stack}`).join(';')}`;
    let place = this.#places.get(key);
    if (!place) {
      place = { threads, mayEnd, next: new Array<Place | null | undefined>(this.#classes) };
      this.#places.set(key, place);
    }
    return place;
  }

  /** A call that ends its rule leaves nothing to come back for. */
  #pushed(to: number, below: number): number {
    const { ops, starts } = this.program;
    const isSole = (state: number, op: number) =>
      starts[state + 1]! - starts[state]! === 4 && ops[starts[state]!] === op;
    let returns = to;
    while (isSole(returns, OP.jump)) returns = ops[starts[returns]! + 1]!;
    if (isSole(returns, OP.end) && below !== BOTTOM) return below;
    const key = `${returns},${below}`;
    let id = this.#stackIds.get(key);
    if (id === undefined) {
      id = this.#stacks.push({ returns, below }) - 1;
      this.#stackIds.set(key, id);
    }
    return id;
  }
}

const stateInLoop = (loop: number, unit: number): number => -1 - loop * UNIT_STATES - unit;

/** Which loop, and which state of its unit. */
export function placeInLoop(state: number): { loop: number; unit: number } {
  return { loop: Math.floor((-1 - state) / UNIT_STATES), unit: (-1 - state) % UNIT_STATES };
}

function byteClasses({ ops, loops, units }: Program): [classOf: Uint8Array, classes: number] {
  const isBorder = new Uint8Array(257);
  for (let op = 0; op < ops.length; op += 4) {
    if (ops[op] !== OP.byte) continue;
    isBorder[ops[op + 1]!] = 1;
    isBorder[ops[op + 2]! + 1] = 1;
  }
  for (const { unit } of loops) {
    const { next } = units[unit]!;
    for (let byte = 1; byte < 256; byte++) {
      for (let state = 0; state < next.length; state += 256) {
        if (next[state + byte] !== next[state + byte - 1]) isBorder[byte] = 1;
      }
    }
  }
  const classOf = new Uint8Array(256);
  for (let byte = 1; byte < 256; byte++) classOf[byte] = classOf[byte - 1]! + isBorder[byte]!;
  return [classOf, classOf[255]! + 1];
}
