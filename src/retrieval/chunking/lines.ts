import type { Range } from './document.js';

export interface Line extends Range {
  /** Without the line end. */
  readonly text: string;
  readonly isBlank: boolean;
  /** Leading spaces; a tab counts as four. */
  readonly indent: number;
}

export function* linesOf(text: string): Generator<Line> {
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const next = newline < 0 ? text.length : newline + 1;
    let end = newline < 0 ? text.length : newline;
    if (text[end - 1] === '\r' && end > start) end -= 1;
    const line = text.slice(start, end);
    yield { start, end, text: line, isBlank: line.trim() === '', indent: indentOf(line) };
    start = next;
  }
}

/** The range that is open, up to the end of `line`; a new one where none is. */
export function extended(open: Range | null, line: Range): Range {
  return { start: open?.start ?? line.start, end: line.end };
}

function indentOf(line: string): number {
  let indent = 0;
  for (const char of line) {
    if (char === ' ') indent += 1;
    else if (char === '\t') indent += 4;
    else break;
  }
  return indent;
}
