import type { Token } from './tokens.js';

/** How a sentence agrees with one that it may be taken from; shares from 0 to 1, the others 0 or 1. */
export interface Agreement {
  /** Of the sentence's words, by how rare they are, the share that stands there. */
  readonly coverage: number;
  /** The same of its words alone, without numbers and what stands around: what it is about. */
  readonly subject: number;
  /** Of the sentence's words the share that stands there in the same order. */
  readonly order: number;
  /** All of its numbers stand there. */
  readonly numbersHeld: number;
  /** A number that does not stand there. */
  readonly numberMissing: number;
  /** A number that counts something else there, or another measure in the place of one. */
  readonly unitDiffers: number;
  /** A name that stands neither there nor around it. */
  readonly nameMissing: number;
  /** What is denied in one is stated in the other. */
  readonly negationDiffers: number;
  /** One word stands for another between words that are the same, weighted by how much else is the same. */
  readonly swapped: number;
}

export interface Source {
  readonly tokens: readonly Token[];
  /** Terms of what stands around it: its headings, its neighbours, the question. */
  readonly around: ReadonlySet<string>;
}

/** A term around the source is worth so much of one within. */
const AROUND = 0.5;
/** How far behind a negation stands what it denies. */
const DENIED_WITHIN = 4;
/** Words in a gap of the alignment up to which they are taken for each other's. */
const SWAPPED_WORDS = 2;

/** @param weightOf a term, the rarer the more */
export function agreement(sentence: readonly Token[], source: Source, weightOf: (term: string) => number): Agreement {
  const { tokens } = source;
  const there = new Set(tokens.map(({ term }) => term));
  const words = sentence.filter(isContent);
  const held = (term: string) => Number(there.has(term));
  const near = (term: string) => Math.max(held(term), source.around.has(term) ? AROUND : 0);
  const shareOf = (some: readonly Token[], worth: (term: string) => number) => {
    const total = some.reduce((sum, { term }) => sum + weightOf(term), 0);
    return total === 0 ? 0 : some.reduce((sum, { term }) => sum + worth(term) * weightOf(term), 0) / total;
  };
  const pairs = align(sentence, tokens);
  const inOrder = pairs.filter(([at]) => isContent(sentence[at]!)).length;
  const numbers = sentence.filter(({ kind }) => kind === 'number');
  const names = sentence.filter(({ isName }) => isName);
  return {
    coverage: shareOf(words, near),
    subject: shareOf(
      words.filter(({ kind }) => kind === 'word'),
      held,
    ),
    order: words.length === 0 ? 0 : inOrder / words.length,
    numbersHeld: Number(numbers.length > 0 && numbers.every(({ term }) => there.has(term))),
    numberMissing: Number(numbers.some(({ term }) => !there.has(term))),
    unitDiffers: Number(
      numbers.some((number) => there.has(number.term) && !isCountedAlike(number, tokens)) ||
        (hasOtherMeasure(sentence, tokens) && hasOtherMeasure(tokens, sentence)),
    ),
    nameMissing: Number(names.some(({ term }) => !there.has(term) && !source.around.has(term))),
    negationDiffers: Number(negationDiffers(sentence, tokens)),
    swapped: isSwapped(sentence, tokens, pairs) ? (pairs.length / sentence.length) ** 2 : 0,
  };
}

const isContent = ({ kind }: Token): boolean => kind === 'word' || kind === 'number';

function isCountedAlike({ term, unit }: Token, tokens: readonly Token[]): boolean {
  if (unit === null) return true;
  return tokens.some((other) => other.kind === 'number' && other.term === term && (other.unit ?? unit) === unit);
}

/** Whether the first has a measure that the second has not. */
function hasOtherMeasure(first: readonly Token[], second: readonly Token[]): boolean {
  return first.some(
    ({ kind, unit }) => kind === 'word' && unit !== null && !second.some((other) => other.unit === unit),
  );
}

/**
 * A negation has its like in the other where that denies one of the same words; where it denies other words, as `cannot
 * gamble` and `gambling is not allowed`, one on each side are taken for each other's.
 */
function negationDiffers(sentence: readonly Token[], source: readonly Token[]): boolean {
  const [ofSentence, ofSource] = [denialsIn(sentence), denialsIn(source)];
  const [here, there] = [match(ofSentence, ofSource, source), match(ofSource, ofSentence, sentence)];
  return here.missed > there.elsewhere || there.missed > here.elsewhere;
}

/** Of denials, how many are missed in another sentence that holds their words, and how many are about other words. */
function match(denials: readonly Denial[], others: readonly Denial[], tokens: readonly Token[]) {
  const denied = new Set(others.flatMap(({ terms }) => terms));
  const held = new Set(tokens.filter(isContent).map(({ term }) => term));
  // `Without` denies what may as well be called missing, lost or empty.
  const strict = denials.filter(({ by }) => by !== 'without');
  const unmatched = strict.filter(({ terms }) => !terms.some((term) => denied.has(term)));
  const missed = unmatched.filter(({ terms: [first] }) => first !== undefined && held.has(first)).length;
  return { missed, elsewhere: unmatched.length - missed };
}

interface Denial {
  readonly by: string;
  /** What stands behind it. */
  readonly terms: readonly string[];
}

function denialsIn(tokens: readonly Token[]): Denial[] {
  return [...tokens.entries()].flatMap(([index, { kind, term: by }]) => {
    if (kind !== 'negation') return [];
    const behind = tokens.slice(index + 1, index + 1 + DENIED_WITHIN);
    const next = behind.findIndex((token) => token.kind === 'negation');
    const denied = (next < 0 ? behind : behind.slice(0, next)).filter(isContent);
    return [{ by, terms: denied.map(({ term }) => term) }];
  });
}

/** Positions of the longest common subsequence of terms. */
function align(a: readonly Token[], b: readonly Token[]): [number, number][] {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        a[i]!.term === b[j]!.term
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i]!.term === b[j]!.term) pairs.push([i++, j++]);
    else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i++;
    else j++;
  }
  return pairs;
}

/** Whether in a gap of the alignment each side has a word or two that the other has nowhere. */
function isSwapped(a: readonly Token[], b: readonly Token[], pairs: readonly [number, number][]): boolean {
  const own = (some: readonly Token[], other: readonly Token[]) =>
    some.filter(({ kind, term }) => kind === 'word' && !other.some((token) => token.term === term)).length;
  const isFew = (words: number) => words > 0 && words <= SWAPPED_WORDS;
  const bounds: readonly [number, number][] = [[-1, -1], ...pairs, [a.length, b.length]];
  return bounds.slice(1).some(([toA, toB], gap) => {
    const [fromA, fromB] = bounds[gap]!;
    return isFew(own(a.slice(fromA + 1, toA), b)) && isFew(own(b.slice(fromB + 1, toB), a));
  });
}
