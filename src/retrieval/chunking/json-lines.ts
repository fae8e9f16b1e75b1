import type { Block, ParsedText, Range } from './document.js';
import { linesOf } from './lines.js';
import { LocatedText } from './located-text.js';

/** Longer lines are kept as they are: no record that somebody wrote is that long. */
const MAX_RECORD_CHARS = 1 << 20;
/** What a name inside of others is cut to, from its end: a record must not become a multiple of itself. */
const MAX_NAME_CHARS = 100;

/** JSON lines: each a record of lines `name: value`, in which no escapes stand any more. What is no JSON stays as it is. */
export function parseJsonLines(text: string, title: string): ParsedText {
  const headings = [title];
  const records = new LocatedText();
  const blocks: Block[] = [];
  const sources: Range[] = [];
  for (const line of linesOf(text)) {
    if (line.isBlank) continue;
    blocks.push({ kind: 'lines', headings, ...records.line(readable(line.text), sources.length) });
    sources.push({ start: line.start, end: line.end });
    records.gap();
  }
  return {
    text: records.text,
    blocks,
    sourceRange(range) {
      const { first, last } = records.numbersOf(range);
      return { start: sources[first]!.start, end: sources[last]!.end };
    },
  };
}

function readable(line: string): string {
  if (line.length > MAX_RECORD_CHARS) return line;
  try {
    return [...fields(JSON.parse(line), '')].join('\n') || line;
  } catch {
    return line;
  }
}

/** `address.city: Bonn`; a list of plain values is one field. */
function* fields(value: unknown, name: string): Generator<string> {
  if (isPlain(value)) yield named(name, String(value));
  else if (Array.isArray(value) && value.every(isPlain)) yield named(name, value.map(String).join(', '));
  else {
    for (const [key, item] of Object.entries(value as object)) {
      yield* fields(item, (name === '' ? key : `${name}.${key}`).slice(-MAX_NAME_CHARS));
    }
  }
}

function isPlain(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

function named(name: string, value: string): string {
  return name === '' ? value : `${name}: ${value}`;
}
