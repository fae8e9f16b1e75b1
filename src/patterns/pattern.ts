import { type AST, RegExpParser, RegExpSyntaxError } from '@eslint-community/regexpp';
import { RE2JS } from 're2js';
import { AppError } from '../errors/app-error.js';
import { alphabetOf, beginningOf } from './beginning.js';
import type { Finder } from './finder.js';

/** In characters. */
const MAX_PATTERN = 2000;

interface PatternOptions {
  /** Of what is found. */
  readonly label: string;
  readonly ignoreCase: boolean;
  /** What a candidate is worth: how many of its characters, from its start on, are a match; 0: none. All where left out. */
  readonly accept?: (candidate: string) => number;
}

const parser = new RegExpParser({ ecmaVersion: 2024 });

/**
 * Finds what a regular expression matches, in time that grows with the text alone: RE2's algorithm, so no text makes it
 * backtrack. The syntax is that of JavaScript without what needs backtracking: look-around and back-references.
 * @param param names the pattern in an error
 * @throws AppError `invalid_value`
 */
export function patternFinder(source: string, param: string, { label, ignoreCase, accept }: PatternOptions): Finder {
  const pattern = parse(source, param);
  const flags = ignoreCase ? RE2JS.CASE_INSENSITIVE : 0;
  const beginning = compile(`(?:${beginningOf(pattern, param)})\\z`, flags, param);
  const whole = compile(source, flags, param);
  const alphabet = new RegExp(`^(?:${[...alphabetOf(pattern)].join('|')})$`, ignoreCase ? 'iu' : 'u');
  if (whole.matcher('').matches()) throw invalid(param, 'it matches the empty text, and so everything');
  return {
    find(text, from) {
      const matcher = whole.matcher(text);
      for (let at = from; at < text.length && matcher.find(at); at = matcher.start() + 1) {
        const [start, end] = [matcher.start(), matcher.end()];
        const accepted = accept ? accept(text.slice(start, end)) : end - start;
        if (accepted > 0) return { start, end: start + accepted, label };
      }
      return null;
    },
    openFrom(text, from) {
      // Most words end with what no beginning could end with, and this is a hundred times cheaper to see.
      if (from >= text.length || !alphabet.test([...text.slice(-2)].at(-1)!)) return text.length;
      const matcher = beginning.matcher(text);
      return matcher.find(from) ? matcher.start() : text.length;
    },
  };
}

function parse(source: string, param: string): AST.Pattern {
  if (source.length > MAX_PATTERN) {
    throw invalid(param, `must have at most ${MAX_PATTERN} characters, got ${source.length}`);
  }
  try {
    return parser.parsePattern(source, 0, source.length, { unicode: true });
  } catch (error) {
    if (error instanceof RegExpSyntaxError)
      throw invalid(param, error.message.replace(/^Invalid regular expression: /, ''));
    throw error;
  }
}

function compile(source: string, flags: number, param: string): RE2JS {
  try {
    return RE2JS.compile(source, flags);
  } catch (error) {
    throw invalid(param, `RE2 does not accept it: ${(error as Error).message}`);
  }
}

export function invalid(param: string, reason: string): AppError {
  return new AppError('invalid_value', { param, reason });
}
