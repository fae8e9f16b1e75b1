import type { AnswerTexts } from '../contracts/judge.js';
import { SENTENCE_ENDS } from '../words/sentences.js';

type Marks = AnswerTexts['marks'];

/** One sentence of an answer that states something. */
export interface Statement {
  /** Without its markers. */
  readonly text: string;
  /** Passages that its markers name. */
  readonly cites: readonly number[];
}

const FENCED = /^[ \t]*(`{3,}|~{3,})[\s\S]*?(?:^[ \t]*\1|(?![\s\S]))/gm;
const LINE_ENDS = /\n+\s*(?:[-*+•]\s+|\d+[.)]\s+|#+\s+)?/g;
/** What begins the next line. */
const NEXT_LINE = /\n\s*(?:[-*+•]|\d+[.)]|#+)?\s*$/;
/** Shorter ones are a heading, a word of politeness, what introduces a list. */
const LEAST_WORDS = 3;

/** The sentences of an answer that state something: neither code nor questions. A marker behind a full stop belongs to the sentence before. */
export function statementsOf(answer: string, marks: Marks): Statement[] {
  const prose = answer.replace(FENCED, (code) => code.replace(/[^\n]/g, ' '));
  const statements: Statement[] = [];
  for (const [start, end] of sentencesOf(prose)) {
    const own = marks.filter((mark) => mark.start >= start && mark.start < end);
    const text = without(prose, own, start, end);
    const words = text.match(/[\p{L}\p{N}]+/gu)?.length ?? 0;
    if (words < LEAST_WORDS || /[?？:：]\s*$/.test(text)) continue;
    statements.push({ text, cites: own.map(({ passage }) => passage) });
  }
  return statements;
}

/** Ranges, without what stands between them. */
function sentencesOf(text: string): [number, number][] {
  // Behind a full stop, a marker still belongs to it.
  const ends = [...text.matchAll(SENTENCE_ENDS), ...text.matchAll(LINE_ENDS)]
    .map(({ 0: match, index }) => index + match.length)
    .map((end) => end + (/^(?:\[\d+\]\s*)+/.exec(text.slice(end))?.[0].length ?? 0))
    .sort((a, b) => a - b);
  const bounds = [...new Set([0, ...ends, text.length])];
  return bounds.slice(1).map((end, index) => [bounds[index]!, end]);
}

function without(text: string, marks: Marks, start: number, end: number): string {
  let result = '';
  let from = start;
  for (const mark of marks) {
    result += text.slice(from, mark.start);
    from = mark.end;
  }
  return `${result}${text.slice(from, end)}`
    .replace(NEXT_LINE, '')
    .replace(/\s+([.!?,;:])/g, '$1')
    .trim();
}
