import { basename } from 'node:path';
import type { AnswerScore, EvalQuestion } from '../contracts/evaluations.js';
import { isRefusal } from '../quality/refusal.js';

/** What the gateway gave for one question: `[n]` in the text stands for `passages[n - 1]`. */
export interface Answer {
  readonly text: string;
  readonly passages: readonly { readonly filename: string; readonly text: string }[];
}

/** Shares from 0 to 1; null where nothing could be counted. */
export interface Figures {
  readonly fact: number | null;
  readonly fact_cited: number | null;
  readonly citation_precision: number | null;
  readonly right_refusals: number | null;
  readonly false_refusals: number | null;
  /** Of the questions with an answer, those that were given a passage that holds it: what search owes. */
  readonly found: number | null;
  /** Of these, those with the fact, and those refused: what reading owes. */
  readonly fact_of_found: number | null;
  readonly refused_of_found: number | null;
  readonly numbers_grounded: number | null;
}

const MARKER = /\[(\d{1,4})\]/g;
const NUMBER = /\d+(?:[.,:]\d+)*/g;
/** Whether a passage is of the question's document and holds the fact. */
export function holdsFact(
  question: EvalQuestion,
  passage: { readonly filename: string; readonly text: string },
): boolean {
  return (
    question.document !== null &&
    basename(passage.filename) === basename(question.document) &&
    findFact(normalize(passage.text), question.accept) !== null
  );
}

export function scoreAnswer(question: EvalQuestion, { text, passages }: Answer): AnswerScore {
  const answer = normalize(text);
  const holding = passages.map((passage) => holdsFact(question, passage));
  // Blanked out and not cut out, so that positions stay; the fact `1` must not be found in a marker.
  const factEnd = findFact(answer.replace(MARKER, blank), question.accept);
  const markers = [...answer.matchAll(MARKER)];
  const isRight = (marker: RegExpExecArray) => holding[Number(marker[1]) - 1] === true;
  const marker = factEnd === null ? undefined : markers.find(({ index }) => index >= factEnd);
  const numbers = answer.replace(MARKER, blank).match(NUMBER) ?? [];
  const known = new Set(passages.flatMap((passage) => normalize(passage.text).match(NUMBER) ?? []));
  return {
    answerable: question.answerable,
    found: holding.includes(true),
    fact: factEnd !== null,
    factCited: marker !== undefined && isRight(marker),
    citations: markers.length,
    rightCitations: markers.filter(isRight).length,
    refused: isRefusal(text),
    numbers: numbers.length,
    groundedNumbers: numbers.filter((number) => known.has(number)).length,
  };
}

export function summarize(scores: readonly AnswerScore[], withPassages: boolean): Figures {
  const asked = scores.filter((score) => score.answerable);
  const unanswerable = scores.filter((score) => !score.answerable);
  const found = withPassages ? asked.filter((score) => score.found) : [];
  const total = (some: readonly AnswerScore[], field: 'citations' | 'rightCitations' | 'numbers' | 'groundedNumbers') =>
    some.reduce((sum, score) => sum + score[field], 0);
  const share = (some: readonly AnswerScore[], field: 'fact' | 'factCited' | 'refused') =>
    ratio(some.filter((score) => score[field]).length, some.length);
  return {
    fact: share(asked, 'fact'),
    fact_cited: withPassages ? share(asked, 'factCited') : null,
    citation_precision: withPassages ? ratio(total(asked, 'rightCitations'), total(asked, 'citations')) : null,
    right_refusals: share(unanswerable, 'refused'),
    false_refusals: share(asked, 'refused'),
    found: withPassages ? ratio(found.length, asked.length) : null,
    fact_of_found: share(found, 'fact'),
    refused_of_found: share(found, 'refused'),
    numbers_grounded: withPassages ? ratio(total(scores, 'groundedNumbers'), total(scores, 'numbers')) : null,
  };
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

const blank = (marker: string): string => ' '.repeat(marker.length);

/** One spelling for what a reader takes as the same: case, spaces, quotes, thousands and the percent sign. */
function normalize(text: string): string {
  return text
    .toLowerCase()
    .replace(/[`*'"]/g, '')
    .replace(/(?<=\d),(?=\d{3}\b)/g, '')
    .replace(/\s+/g, ' ')
    .replace(/ %| percent\b| per cent\b/g, '%');
}

/** Where the first of the accepted spellings ends that stands as whole words; null if none does. */
function findFact(text: string, accept: readonly string[]): number | null {
  for (const spelling of accept) {
    const wanted = normalize(spelling);
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
      const end = at + wanted.length;
      if (!continues(text[at - 1], wanted[0]!, text[at - 2]) && !continues(text[end], wanted.at(-1)!, text[end + 1])) {
        return end;
      }
    }
  }
  return null;
}

/** Whether a neighbouring character makes another word or number of it: `£5` is neither in `£50` nor in `£5.50`. */
function continues(neighbour: string | undefined, edge: string, beyond: string | undefined): boolean {
  if (neighbour === undefined) return false;
  if (/\d/.test(edge) && /[.,]/.test(neighbour)) return beyond !== undefined && /\d/.test(beyond);
  return /[\p{L}\d]/u.test(edge) && /[\p{L}\d]/u.test(neighbour);
}
