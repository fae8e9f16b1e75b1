import { stem } from '../words/stem.js';
import { STOP_WORDS } from '../words/stop-words.js';

/** A word or number of a sentence, as two sentences are compared by it. */
export interface Token {
  /** What it is compared by: its stem, or a number in digits. */
  readonly term: string;
  /** `small`: a word that only joins others. */
  readonly kind: 'word' | 'small' | 'number' | 'negation';
  /** A measure, in one spelling: what a number counts, or what a word is; null: none. */
  readonly unit: string | null;
  /** It names something: a person, a place, a day, an identifier. */
  readonly isName: boolean;
}

const NEGATIONS = new Set(['not', 'never', 'no', 'none', 'nobody', 'nothing', 'neither', 'nor', 'without']);
const NUMBER_WORDS = new Map(
  `two three four five six seven eight nine ten eleven twelve`
    .split(' ')
    .map((word, index) => [word, String(index + 2)]),
);
/** Spellings of one measure, the first of which stands for all. */
const UNITS = new Map(
  [
    ['%', 'percent', 'percentage'],
    ['£', 'gbp', 'pound', 'pounds'],
    ['€', 'eur', 'euro', 'euros'],
    ['$', 'usd', 'dollar', 'dollars'],
    ['ms', 'millisecond', 'milliseconds'],
    ['second', 'seconds', 's', 'sec'],
    ['minute', 'minutes', 'min'],
    ['hour', 'hours', 'h'],
    ['day', 'days'],
    ['week', 'weeks'],
    ['month', 'months'],
    ['year', 'years'],
    ['am', 'a.m.'],
    ['pm', 'p.m.'],
    ['byte', 'bytes', 'b'],
    ['kb', 'kib', 'kilobytes'],
    ['mb', 'mib', 'megabytes'],
    ['gb', 'gib', 'gigabytes'],
    ['mile', 'miles'],
    ['km', 'kilometres', 'kilometers'],
  ].flatMap(([unit, ...others]) => [unit!, ...others].map((spelling) => [spelling, unit!])),
);
/** Words between a number and what it counts. */
const BETWEEN = new Set(['working', 'business', 'calendar', 'full']);
const CALENDAR =
  /^(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|june|july|august|september|october|november|december)$/i;

const TOKENS =
  /[£€$](?=\d)|\d+(?:[.:]\d+)*(?:e\d+)?|%|[\p{L}_$][\p{L}\p{M}\p{N}_$]*(?:[.'’-][\p{L}_$][\p{L}\p{M}\p{N}_$]*)*/gu;
/** A name within a name: `onRequest`, `max_count`, `undici.Client`, `FST_ERR`. */
const IDENTIFIER = /[\p{Ll}\d][\p{Lu}]|[_$.]\p{L}|^\p{Lu}{2,}[\d_]/u;

/** Of a longer sentence the beginning is read: what it costs to compare two grows with the product of their lengths. */
const MAX_CHARACTERS = 1000;

/** The tokens of one sentence, in order. */
export function tokensOf(sentence: string): Token[] {
  const text = spelledOut(sentence.slice(0, MAX_CHARACTERS));
  const matches = [...text.matchAll(TOKENS)];
  const tokens: Token[] = [];
  for (const [index, { 0: word, index: at }] of matches.entries()) {
    const before = matches[index - 1]?.[0];
    const lower = word.toLowerCase();
    const digits = NUMBER_WORDS.get(lower) ?? (/^\d/.test(word) ? plainNumber(word) : null);
    if (digits !== null) {
      const unit = unitOf(before, matches, index);
      tokens.push({ term: digits, kind: 'number', unit, isName: false });
    } else if (/\p{L}/u.test(word)) {
      const kind = NEGATIONS.has(lower) ? 'negation' : STOP_WORDS.has(lower) ? 'small' : 'word';
      const isName =
        kind === 'word' &&
        (IDENTIFIER.test(word) ||
          CALENDAR.test(word) ||
          isQuoted(text, at, word) ||
          (index > 0 && /^\p{Lu}/u.test(word)));
      // `s` and `am` are mostly something else.
      const unit = lower.length > 2 ? (UNITS.get(lower) ?? null) : null;
      tokens.push({ term: stem(lower), kind, unit, isName });
    }
  }
  return tokens;
}

/** Short forms of `not` in full, and thousands without separators. */
function spelledOut(sentence: string): string {
  return sentence
    .replace(/\b(can)not\b/gi, '$1 not')
    .replace(/\b(ca|wo)n['’]t\b/gi, (_, start: string) => (start.toLowerCase() === 'ca' ? 'can not' : 'will not'))
    .replace(/n['’]t\b/gi, ' not')
    .replace(/(?<=\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve))-(?=\p{L})/giu, ' ')
    .replace(/(?<=\d)[,\u00a0\u202f](?=\d{3}(?!\d))/g, '');
}

function plainNumber(word: string): string {
  return /^\d+e\d+$/.test(word) ? String(Number(word)) : word.replace(/(?<=\.\d*)0+$/, '').replace(/\.$/, '');
}

function unitOf(before: string | undefined, matches: readonly RegExpExecArray[], index: number): string | null {
  if (before !== undefined && /^[£€$]$/.test(before)) return before;
  let next = matches[index + 1]?.[0].toLowerCase();
  if (next !== undefined && BETWEEN.has(next)) next = matches[index + 2]?.[0].toLowerCase();
  return (next !== undefined && UNITS.get(next)) || null;
}

function isQuoted(text: string, at: number, word: string): boolean {
  return /[`'"‘“]/.test(text[at - 1] ?? '') && /[`'"’”]/.test(text[at + word.length] ?? '');
}
