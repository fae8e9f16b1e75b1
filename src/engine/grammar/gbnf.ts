import { alt, charsOf, type Expr, inverted, optional, type Range, repeat, seq, text } from './expr.js';
import { ANY_CHARACTER } from './json-text.js';

/** What is wrong with a grammar, and in which line. */
export class GrammarError extends Error {}

const MOST_DEPTH = 200;
const MOST_REPEATS = 10_000;

/**
 * The rules of a grammar as llama.cpp writes them (GBNF), `root` first: literals, classes, groups, `|`, `?`, `*`, `+`,
 * `{n,m}`, and comments behind `#`.
 * @throws GrammarError
 */
export function gbnfRules(source: string): Expr[] {
  return new GbnfReader(source).read();
}

class GbnfReader {
  readonly #source: string;
  readonly #rules: (Expr | null)[] = [null];
  readonly #numbers = new Map([['root', 0]]);
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  read(): Expr[] {
    this.#space(true);
    while (this.#at < this.#source.length) {
      const name = this.#name();
      if (name === '') throw this.#error('a rule begins with its name, as in root ::= "yes" | "no"');
      this.#space(false);
      if (!this.#take('::=')) throw this.#error(`::= is missing behind ${name}`);
      this.#space(true);
      const rule = this.#numberOf(name);
      if (this.#rules[rule] !== null) throw this.#error(`${name} is defined twice`);
      this.#rules[rule] = this.#alternatives(0);
      this.#space(true);
    }
    for (const [name, rule] of this.#numbers) {
      if (this.#rules[rule] === null) throw new GrammarError(`the rule ${name} is not defined`);
    }
    return this.#rules as Expr[];
  }

  #numberOf(name: string): number {
    let rule = this.#numbers.get(name);
    if (rule === undefined) {
      rule = this.#rules.push(null) - 1;
      this.#numbers.set(name, rule);
    }
    return rule;
  }

  /** @param depth of brackets: within them a line may end */
  #alternatives(depth: number): Expr {
    if (depth > MOST_DEPTH) throw this.#error(`its brackets are deeper than ${MOST_DEPTH}`);
    const items = [this.#sequence(depth)];
    while (this.#peekBar()) {
      this.#space(true);
      this.#take('|');
      this.#space(true);
      items.push(this.#sequence(depth));
    }
    return alt(...items);
  }

  /** A line that begins with a bar goes on with the rule before it. */
  #peekBar(): boolean {
    const before = this.#at;
    this.#space(true);
    const isBar = this.#source[this.#at] === '|';
    this.#at = before;
    return isBar;
  }

  #sequence(depth: number): Expr {
    const items: Expr[] = [];
    for (;;) {
      this.#space(depth > 0);
      const item = this.#item(depth);
      if (item === null) return seq(...items);
      items.push(this.#repeated(item));
    }
  }

  #item(depth: number): Expr | null {
    if (this.#take('"')) return text(String.fromCodePoint(...this.#until('"')));
    if (this.#take('[')) return this.#class();
    if (this.#take('.')) return charsOf(ANY_CHARACTER);
    if (this.#take('(')) {
      this.#space(true);
      const inner = this.#alternatives(depth + 1);
      this.#space(true);
      if (!this.#take(')')) throw this.#error('a bracket is not closed');
      return inner;
    }
    const before = this.#at;
    const name = this.#name();
    if (name === '') return null;
    this.#space(false);
    if (this.#source.startsWith('::=', this.#at)) {
      this.#at = before;
      return null;
    }
    return { kind: 'rule', rule: this.#numberOf(name) };
  }

  #repeated(item: Expr): Expr {
    if (this.#take('?')) return this.#repeated(optional(item));
    if (this.#take('*')) return this.#repeated(loopOf(item, 0, Number.POSITIVE_INFINITY));
    if (this.#take('+')) return this.#repeated(loopOf(item, 1, Number.POSITIVE_INFINITY));
    const counts = /\{(\d{1,9})(?:(,)(\d{1,9})?)?\}/y;
    counts.lastIndex = this.#at;
    const found = counts.exec(this.#source);
    if (!found) return item;
    this.#at = counts.lastIndex;
    const min = Number(found[1]);
    const max = found[3] ? Number(found[3]) : found[2] ? Number.POSITIVE_INFINITY : min;
    if (Math.max(min, Number.isFinite(max) ? max : 0) > MOST_REPEATS) {
      throw this.#error(`it repeats more often than ${MOST_REPEATS} times`);
    }
    return this.#repeated(loopOf(item, min, max));
  }

  #class(): Expr {
    const isNegated = this.#take('^');
    const codes = this.#until(']', true);
    const ranges: Range[] = [];
    for (let index = 0; index < codes.length; index++) {
      if (codes[index + 1] === DASH && index + 2 < codes.length) {
        ranges.push([codes[index]!, codes[index + 2]!]);
        index += 2;
      } else ranges.push([codes[index] === DASH ? 0x2d : codes[index]!, codes[index] === DASH ? 0x2d : codes[index]!]);
    }
    if (ranges.some(([from, to]) => from > to)) throw this.#error('a class has a range that ends before it begins');
    return charsOf(isNegated ? inverted(ranges) : ranges);
  }

  /** Code points up to an end that is not escaped; a dash that is not escaped is DASH. */
  #until(end: string, dashes = false): number[] {
    const codes: number[] = [];
    for (;;) {
      const code = this.#source.codePointAt(this.#at);
      if (code === undefined || code === 0x0a) throw this.#error(`${end} is missing`);
      const character = String.fromCodePoint(code);
      this.#at += character.length;
      if (character === end) return codes;
      if (character !== '\\') codes.push(dashes && character === '-' ? DASH : code);
      else codes.push(this.#escape());
    }
  }

  #escape(): number {
    const kind = this.#source[this.#at++] ?? '';
    const length = { x: 2, u: 4, U: 8 }[kind];
    if (length === undefined) return { n: 0x0a, r: 0x0d, t: 0x09 }[kind] ?? kind.charCodeAt(0);
    const digits = this.#source.slice(this.#at, this.#at + length);
    const code = Number.parseInt(digits, 16);
    if (digits.length < length || !/^[0-9a-f]+$/i.test(digits) || code > 0x10ffff) {
      throw this.#error(`\\${kind} is not followed by the ${length} digits of a character`);
    }
    this.#at += length;
    return code;
  }

  #name(): string {
    const name = /[A-Za-z0-9_-]*/y;
    name.lastIndex = this.#at;
    const found = name.exec(this.#source)![0];
    this.#at += found.length;
    return found;
  }

  #take(expected: string): boolean {
    if (!this.#source.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }

  #space(withLines: boolean): void {
    const space = withLines ? /(?:\s|#[^\n]*)*/y : /[ \t]*(?:#[^\n]*)?/y;
    space.lastIndex = this.#at;
    this.#at += space.exec(this.#source)![0].length;
  }

  #error(reason: string): GrammarError {
    const line = this.#source.slice(0, this.#at).split('\n').length;
    return new GrammarError(`in line ${line} ${reason}`);
  }
}

/** Stands for a dash between two characters of a class. */
const DASH = -1;

function loopOf(item: Expr, min: number, max: number): Expr {
  if (item.kind !== 'class' || item.ranges.length === 0) return repeat(item, min, max);
  return { kind: 'loop', unit: { ranges: item.ranges, json: false }, min, max };
}
