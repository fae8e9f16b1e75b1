import { type AST, RegExpParser, RegExpSyntaxError } from '@eslint-community/regexpp';
import {
  alt,
  charsOf,
  type Expr,
  inverted,
  LAST_CODE_POINT,
  normalized,
  type Range,
  repeat,
  seq,
  text,
} from './expr.js';
import { ANY_CHARACTER, jsonChars } from './json-text.js';

/** What a pattern cannot be, for the one who wrote it. */
export class PatternError extends Error {}

const parser = new RegExpParser({ ecmaVersion: 2024 });

/** Of classes that are repeated a few times only, each time stands for itself. */
const LONG_LOOP = 4;

/**
 * What a regular expression of JavaScript matches, without what looks around or back.
 * @param json it is the text of a JSON string, which it may match anywhere in; else it has to match the whole
 * @throws PatternError
 */
export function regexExpr(source: string, json: boolean): Expr {
  let pattern: AST.Pattern;
  try {
    pattern = parser.parsePattern(source, 0, source.length, { unicode: true });
  } catch (error) {
    if (!(error instanceof RegExpSyntaxError)) throw error;
    throw new PatternError(error.message.replace(/^Invalid regular expression: /, ''));
  }
  const characters = (ranges: readonly Range[]) => (json ? jsonChars(ranges) : charsOf(ranges));
  const loopOf = (ranges: readonly Range[], min: number, max: number): Expr => ({
    kind: 'loop',
    unit: { ranges: normalized(ranges), json },
    min,
    max,
  });
  const anything = loopOf(ANY_CHARACTER, 0, Number.POSITIVE_INFINITY);

  return alt(
    ...pattern.alternatives.map(({ elements }) => {
      const isAnchor = (element: AST.Element | undefined, kind: 'start' | 'end') =>
        element?.type === 'Assertion' && element.kind === kind;
      const fromStart = isAnchor(elements[0], 'start');
      const toEnd = isAnchor(elements.at(-1), 'end');
      const inner = seq(...elements.slice(Number(fromStart), toEnd ? -1 : undefined).map(elementExpr));
      return json ? seq(...(fromStart ? [] : [anything]), inner, ...(toEnd ? [] : [anything])) : inner;
    }),
  );

  function elementExpr(element: AST.Element): Expr {
    switch (element.type) {
      case 'Character':
      case 'CharacterSet':
      case 'CharacterClass':
        return characters(rangesOf(element));
      case 'Group':
        if (element.modifiers) throw new PatternError('modifiers of a group are not supported');
        return groupExpr(element.alternatives);
      case 'CapturingGroup':
        return groupExpr(element.alternatives);
      case 'Quantifier': {
        const { element: item, min, max } = element;
        const isClass = ['Character', 'CharacterSet', 'CharacterClass'].includes(item.type);
        if (isClass && max > LONG_LOOP) return loopOf(rangesOf(item as AST.Character), min, max);
        return repeat(elementExpr(item), min, max);
      }
      case 'Assertion':
        throw new PatternError(`${element.raw} is supported at the beginning or the end of the whole only`);
      default:
        throw new PatternError(`${element.raw} is not supported`);
    }
  }

  function groupExpr(alternatives: readonly AST.Alternative[]): Expr {
    return alt(
      ...alternatives.map(({ elements }) => (elements.length === 0 ? text('') : seq(...elements.map(elementExpr)))),
    );
  }
}

const DIGITS: Range[] = [[0x30, 0x39]];
const WORD: Range[] = [...DIGITS, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const SPACE: Range[] = [
  ...([
    [0x09, 0x0d],
    [0x20, 0x20],
    [0xa0, 0xa0],
    [0x1680, 0x1680],
    [0x2000, 0x200a],
    [0x2028, 0x2029],
  ] as Range[]),
  ...([
    [0x202f, 0x202f],
    [0x205f, 0x205f],
    [0x3000, 0x3000],
    [0xfeff, 0xfeff],
  ] as Range[]),
];
const LINE_ENDS: Range[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];

type Characters =
  | AST.Character
  | AST.CharacterSet
  | AST.CharacterClass
  | AST.CharacterClassRange
  | AST.CharacterClassElement;

function rangesOf(element: Characters): Range[] {
  switch (element.type) {
    case 'Character':
      return [[element.value, element.value]];
    case 'CharacterClassRange':
      return [[element.min.value, element.max.value]];
    case 'CharacterClass': {
      const ranges = element.elements.flatMap(rangesOf);
      return element.negate ? inverted(ranges) : ranges;
    }
    case 'CharacterSet': {
      if (element.kind === 'any') return inverted(LINE_ENDS);
      const ranges = { digit: DIGITS, word: WORD, space: SPACE, property: [] }[element.kind];
      if (element.kind === 'property') return propertyRanges(element.raw);
      return element.negate ? inverted(ranges) : ranges;
    }
    default:
      throw new PatternError(`${element.raw} is not supported`);
  }
}

/** By asking for every character: 40 ms, once for each. */
const properties = new Map<string, Range[]>();

function propertyRanges(raw: string): Range[] {
  const known = properties.get(raw);
  if (known) return known;
  const pattern = new RegExp(raw, 'u');
  const codes: Range[] = [];
  for (let code = 0; code <= LAST_CODE_POINT; code++) {
    if (code === 0xd800) code = 0xe000;
    if (pattern.test(String.fromCodePoint(code))) codes.push([code, code]);
  }
  const ranges = normalized(codes);
  properties.set(raw, ranges);
  return ranges;
}
