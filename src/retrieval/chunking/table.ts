import { asIs, type ParsedText } from './document.js';
import { linesOf } from './lines.js';

const MAX_HEADER_CHARS = 4096;

/** Comma- or tab-separated values: one table, whose first line names the columns unless a cell of it is a number. */
export function parseTable(text: string, title: string): ParsedText {
  const lines = [...linesOf(text)].filter((line) => !line.isBlank);
  const [first] = lines;
  const last = lines.at(-1);
  if (!first || !last) return { text, blocks: [], sourceRange: asIs };
  const cells = first.text.slice(0, MAX_HEADER_CHARS).split(/[,;\t|]/);
  const isHeader = lines.length > 1 && !cells.some(isValue);
  const block = { kind: 'table' as const, headings: [title], start: first.start, end: last.end };
  return { text, blocks: [isHeader ? { ...block, headerEnd: first.end } : block], sourceRange: asIs };
}

/** A number, a date or an amount: what a record holds, and the name of a column does not. */
export function isValue(cell: string): boolean {
  return /\d/.test(cell) && /^["\s\d.:%€$£+/-]+$/.test(cell);
}
