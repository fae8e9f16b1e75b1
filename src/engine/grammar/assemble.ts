import { charsOf, type Expr, type Unit } from './expr.js';
import { jsonChars } from './json-text.js';
import { OP, type Program, ProgramBuilder, type UnitTable } from './program.js';
import { utf8Sequences } from './utf8.js';

/** States of a program at most, each of some 40 bytes. */
const MOST_STATES = 100_000;

/** Turns rules into a program. @param rules by number; rule 0 is the whole @throws RangeError when it becomes too large */
export function assemble(rules: readonly Expr[]): Program {
  const builder = new ProgramBuilder(MOST_STATES);
  for (const [rule, expr] of rules.entries()) {
    const start = builder.state();
    builder.rule(rule, start);
    builder.add(append(builder, expr, start), OP.end);
  }
  return builder.build();
}

/** Adds what leads from a state over `expr`; returns where that leads to. */
function append(builder: ProgramBuilder, expr: Expr, from: number): number {
  switch (expr.kind) {
    case 'text':
      return Buffer.from(expr.text).reduce((state, byte) => {
        const next = builder.state();
        builder.add(state, OP.byte, byte, byte, next);
        return next;
      }, from);
    case 'class': {
      const to = builder.state();
      appendClass(builder, utf8Sequences(expr.ranges), from, to);
      return to;
    }
    case 'seq':
      return expr.items.reduce((state, item) => append(builder, item, state), from);
    case 'alt': {
      const to = builder.state();
      for (const item of expr.items) {
        const start = builder.state();
        builder.add(from, OP.jump, start);
        builder.add(append(builder, item, start), OP.jump, to);
      }
      return to;
    }
    case 'rule': {
      const to = builder.state();
      builder.add(from, OP.call, expr.rule, to);
      return to;
    }
    case 'loop': {
      const to = builder.state();
      builder.add(from, OP.loop, builder.loop(unitTable(expr.unit), expr.min, expr.max), to);
      return to;
    }
    case 'repeat':
      return appendRepeat(builder, expr, from);
  }
}

function appendRepeat(
  builder: ProgramBuilder,
  { item, min, max }: Extract<Expr, { kind: 'repeat' }>,
  from: number,
): number {
  let state = from;
  for (let count = 0; count < min; count++) state = append(builder, item, state);
  if (max === Number.POSITIVE_INFINITY) {
    const again = builder.state();
    builder.add(state, OP.jump, again);
    builder.add(append(builder, item, again), OP.jump, again);
    return again;
  }
  const to = builder.state();
  for (let count = min; count < max; count++) {
    builder.add(state, OP.jump, to);
    state = append(builder, item, state);
  }
  builder.add(state, OP.jump, to);
  return to;
}

/** Byte sequences that begin alike share their states. */
function appendClass(
  builder: ProgramBuilder,
  sequences: readonly (readonly (readonly [number, number])[])[],
  from: number,
  to: number,
): void {
  const byFirst = new Map<string, (readonly (readonly [number, number])[])[]>();
  for (const sequence of sequences) {
    const first = sequence[0]!.join();
    byFirst.set(first, [...(byFirst.get(first) ?? []), sequence]);
  }
  for (const alike of byFirst.values()) {
    const [low, high] = alike[0]![0]!;
    if (alike[0]!.length === 1) {
      builder.add(from, OP.byte, low, high, to);
      continue;
    }
    const next = builder.state();
    builder.add(from, OP.byte, low, high, next);
    appendClass(
      builder,
      alike.map((sequence) => sequence.slice(1)),
      next,
      to,
    );
  }
}

const tables = new Map<string, UnitTable>();

function unitTable(unit: Unit): UnitTable {
  const name = JSON.stringify(unit);
  let table = tables.get(name);
  if (!table) {
    table = determinize(assemble([unit.json ? jsonChars(unit.ranges) : charsOf(unit.ranges)]));
    tables.set(name, table);
  }
  return table;
}

/** Of a program without calls and loops: the sets of states that bytes lead to. (Rabin and Scott 1959.) */
function determinize({ ops, starts, rules }: Program): UnitTable {
  const sets: number[][] = [closed([rules[0]!])];
  const numbers = new Map([[sets[0]!.join(), 0]]);
  const rows: number[] = [];
  for (let at = 0; at < sets.length; at++) {
    for (let byte = 0; byte < 256; byte++) rows.push(step(sets[at]!, byte));
  }
  const next = Int16Array.from(rows);
  return { key: Buffer.from(next.buffer).toString('base64'), next };

  function closed(states: readonly number[]): number[] {
    const all = new Set(states);
    for (const state of all) {
      for (let op = starts[state]!; op < starts[state + 1]!; op += 4) if (ops[op] === OP.jump) all.add(ops[op + 1]!);
    }
    return [...all].sort((a, b) => a - b);
  }

  function isEnd(state: number): boolean {
    for (let op = starts[state]!; op < starts[state + 1]!; op += 4) if (ops[op] === OP.end) return true;
    return false;
  }

  function step(states: readonly number[], byte: number): number {
    const targets: number[] = [];
    for (const state of states) {
      for (let op = starts[state]!; op < starts[state + 1]!; op += 4) {
        if (ops[op] === OP.byte && ops[op + 1]! <= byte && byte <= ops[op + 2]!) targets.push(ops[op + 3]!);
      }
    }
    if (targets.length === 0) return -1;
    const set = closed(targets);
    // A whole character: the next one begins.
    if (set.some(isEnd)) return 0;
    const known = numbers.get(set.join());
    if (known !== undefined) return known;
    numbers.set(set.join(), sets.length);
    return sets.push(set) - 1;
  }
}
