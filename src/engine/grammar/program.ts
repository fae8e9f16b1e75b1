/**
 * A grammar as the engine runs it: states over bytes, and rules that are called. Plain data, so that it can be built in
 * another process.
 */
export interface Program {
  /** Of state s: the operations from `starts[s]` to `starts[s + 1]`, four numbers each: what, and up to three operands. */
  readonly ops: Int32Array;
  readonly starts: Int32Array;
  /** The first state of each rule; rule 0 is the whole. */
  readonly rules: Int32Array;
  readonly loops: readonly Loop[];
  readonly units: readonly UnitTable[];
}

export const OP = {
  /** from, to, target */
  byte: 0,
  /** target */
  jump: 1,
  /** rule, where it returns to */
  call: 2,
  /** loop, where it returns to */
  loop: 3,
  /** The rule may end here. */
  end: 4,
} as const;

export interface Loop {
  readonly unit: number;
  readonly min: number;
  /** May be infinite. */
  readonly max: number;
}

/** A deterministic automaton that reads one character after another. */
export interface UnitTable {
  /** Equal for equal tables. */
  readonly key: string;
  /** By state and byte; state 0 is between two characters, -1 is nowhere. */
  readonly next: Int16Array;
}

/** @throws RangeError past `limit` states */
export class ProgramBuilder {
  readonly #limit: number;
  readonly #states: number[][] = [];
  readonly #rules: number[] = [];
  readonly #loops: Loop[] = [];
  readonly #units: UnitTable[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  state(): number {
    if (this.#states.length >= this.#limit) throw new RangeError('too many states');
    return this.#states.push([]) - 1;
  }

  add(state: number, op: number, a = 0, b = 0, c = 0): void {
    this.#states[state]!.push(op, a, b, c);
  }

  rule(rule: number, start: number): void {
    this.#rules[rule] = start;
  }

  loop(table: UnitTable, min: number, max: number): number {
    let unit = this.#units.findIndex(({ key }) => key === table.key);
    if (unit === -1) unit = this.#units.push(table) - 1;
    const known = this.#loops.findIndex((loop) => loop.unit === unit && loop.min === min && loop.max === max);
    return known === -1 ? this.#loops.push({ unit, min, max }) - 1 : known;
  }

  build(): Program {
    const starts = new Int32Array(this.#states.length + 1);
    for (const [state, ops] of this.#states.entries()) starts[state + 1] = starts[state]! + ops.length;
    return {
      ops: Int32Array.from(this.#states.flat()),
      starts,
      rules: Int32Array.from(this.#rules),
      loops: this.#loops,
      units: this.#units,
    };
  }
}
