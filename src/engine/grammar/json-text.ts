import { alt, charsOf, type Expr, LAST_CODE_POINT, normalized, oneOf, type Range, seq, text } from './expr.js';

/**
 * JSON as answers have it: on one line, a space behind `,` and `:`, and every character of a string in the one way in
 * which JSON.stringify writes it. So each value has one spelling: what a string's length and pattern allow says what may
 * be written, and most of what stands between values is known before it comes.
 */
export const COMMA = ', ';
export const COLON = ': ';

export const ANY_CHARACTER: readonly Range[] = [[0, LAST_CODE_POINT]];

/** What has to be escaped: by character, as it is written. */
const ESCAPED: ReadonlyMap<number, string> = new Map(
  [...Array.from({ length: 0x20 }, (_, code) => code), 0x22, 0x5c].map((code) => [
    code,
    JSON.stringify(String.fromCharCode(code)).slice(1, -1),
  ]),
);

/** One of these characters, as a JSON string has it. */
export function jsonChars(ranges: readonly Range[]): Expr {
  const escapes: string[] = [];
  let plain = normalized(ranges);
  for (const [code, written] of ESCAPED) {
    if (!plain.some(([from, to]) => from <= code && code <= to)) continue;
    escapes.push(written);
    plain = without(plain, code);
  }
  const items = [...(plain.length > 0 ? [charsOf(plain)] : []), ...(escapes.length > 0 ? [oneOf(escapes)] : [])];
  return alt(...items);
}

function without(ranges: readonly Range[], code: number): Range[] {
  return ranges.flatMap(([from, to]): Range[] => {
    if (code < from || code > to) return [[from, to]];
    const parts: Range[] = [
      [from, code - 1],
      [code + 1, to],
    ];
    return parts.filter(([low, high]) => low <= high);
  });
}

/** A string of so many characters. */
export function jsonString(min: number, max: number): Expr {
  return seq(text('"'), { kind: 'loop', unit: { ranges: ANY_CHARACTER, json: true }, min, max }, text('"'));
}

/** The name of a property that is none of these. */
export function nameExcept(names: readonly string[]): Expr {
  const rest = (sorted: readonly (readonly string[])[], depth: number): Expr => {
    const isName = sorted.some((name) => name.length === depth);
    const following = [...new Set(sorted.flatMap((name) => name.slice(depth, depth + 1)))];
    const taken = following.map((character): Range => [character.codePointAt(0)!, character.codePointAt(0)!]);
    const others = taken.reduce<Range[]>((ranges, [code]) => without(ranges, code), [...ANY_CHARACTER]);
    return alt(
      ...(isName ? [] : [text('')]),
      seq(jsonChars(others), {
        kind: 'loop',
        unit: { ranges: ANY_CHARACTER, json: true },
        min: 0,
        max: Number.POSITIVE_INFINITY,
      }),
      ...following.map((character) =>
        seq(
          text(JSON.stringify(character).slice(1, -1)),
          rest(
            sorted.filter((name) => name[depth] === character),
            depth + 1,
          ),
        ),
      ),
    );
  };
  return seq(
    text('"'),
    rest(
      names.map((name) => [...name]),
      0,
    ),
    text('"'),
  );
}

/** A value as it is written. */
export function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(written).join(COMMA)}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, item]) => JSON.stringify(name) + COLON + written(item))
    .join(COMMA)}}`;
}
