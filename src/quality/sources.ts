import type { AnswerTexts } from '../contracts/judge.js';
import { SENTENCE_ENDS } from '../words/sentences.js';
import type { Source } from './support.js';
import { type Token, tokensOf } from './tokens.js';

/** A sentence of a passage, or a row of its table, that a statement may be taken from. */
export interface Window extends Source {
  readonly passage: number;
  readonly text: string;
}

/** What the statements of one answer are compared with. */
export interface Evidence {
  readonly windows: readonly Window[];
  /** The rarer a term is among the passages, the more it says. */
  readonly weightOf: (term: string) => number;
}

const LINE_ENDS = /\n\s*(?:\n|[-*+•]\s+|\d+[.)]\s+|#+\s+)/g;
/** Of a quotation. */
const QUOTED = /^[ \t]*>[ \t]?/gm;
/** Of one passage; beyond it nothing is read: a passage has a few hundred words. */
const MAX_PARTS = 64;
/** Less is no sentence. */
const LEAST_WORDS = 3;
/** Cells of longer rows are sentences, in characters. */
const SHORT_ROW = 120;

/** The passages of an answer, cut into sentences. */
export function evidenceOf(passages: AnswerTexts['passages'], question: string): Evidence {
  const asked = termsIn(tokensOf(question));
  const holders = new Map<string, number>();
  const windows: Window[] = [];
  let sentences = 0;
  for (const [passage, { title, text }] of passages.entries()) {
    const titled = termsIn(tokensOf(title));
    const parts = partsOf(text).map((part) => ({ ...part, tokens: tokensOf(part.text) }));
    sentences += parts.length;
    for (const { tokens } of parts) {
      for (const term of termsIn(tokens)) holders.set(term, (holders.get(term) ?? 0) + 1);
    }
    for (const [index, part] of parts.entries()) {
      // Rows of a table are about different things, whatever stands beside them.
      const beside = part.isRow ? [] : [parts[index - 1], parts[index + 1]].flatMap((one) => one?.tokens ?? []);
      const around = new Set([...asked, ...titled, ...termsIn(beside)]);
      windows.push({ passage, text: part.text, tokens: part.tokens, around });
    }
  }
  return { windows, weightOf: (term) => Math.log(1 + (sentences + 1) / ((holders.get(term) ?? 0) + 0.5)) };
}

interface Part {
  readonly text: string;
  /** Of a table. */
  readonly isRow: boolean;
}

/** Sentences; and rows of tables, or their cells where those are sentences, with what their columns are called. */
function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let header: readonly string[] | null = null;
  let prose = '';
  const flush = () => {
    for (const sentence of prose
      .replace(QUOTED, '')
      .split(LINE_ENDS)
      .flatMap((block) => block.split(SENTENCE_ENDS))) {
      if (/[\p{L}\p{N}]/u.test(sentence)) parts.push({ text: sentence.replace(/\s+/g, ' ').trim(), isRow: false });
    }
    prose = '';
  };
  for (const line of text.split('\n')) {
    if (!/^\s*\|/.test(line)) {
      header = null;
      prose += `${line}\n`;
    } else if (!/^[\s:|-]+$/.test(line)) {
      flush();
      const cells = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      if (header === null) header = cells;
      else parts.push(...rowParts(header, cells).map((row) => ({ text: row, isRow: true })));
    }
  }
  flush();
  return withoutFragments(parts).slice(0, MAX_PARTS);
}

/** `Default: 5.` says nothing alone: it is part of the sentence before, or of the first one. */
function withoutFragments(parts: readonly Part[]): Part[] {
  const whole: Part[] = [];
  let first = '';
  for (const part of parts) {
    const isFragment = !part.isRow && (part.text.match(/\p{L}{2,}/gu)?.length ?? 0) < LEAST_WORDS;
    const before = whole.at(-1);
    if (!isFragment) {
      whole.push({ ...part, text: `${first}${part.text}` });
      first = '';
    } else if (before === undefined || before.isRow) first += `${part.text} `;
    else whole[whole.length - 1] = { ...before, text: `${before.text} ${part.text}` };
  }
  return first === '' ? whole : [...whole, { text: first.trim(), isRow: false }];
}

function rowParts(header: readonly string[], cells: readonly string[]): string[] {
  const named = cells.map((cell, index) => `${header[index] ?? ''} ${cell}`.trim());
  if (cells.join(' ').length <= SHORT_ROW) return [named.join(', ')];
  return named.slice(1).map((cell) => `${named[0]}: ${cell}`);
}

function termsIn(tokens: readonly Token[]): Set<string> {
  return new Set(tokens.map(({ term }) => term));
}
