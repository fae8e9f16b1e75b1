import type { PassageLocation } from '../../contracts/retrieval.js';
import type { ParsedBinary, Range } from './document.js';

/** Text that is put together line by line, each with the number of the page, slide or row that it stands on. */
export class LocatedText {
  readonly #lines: string[] = [];
  readonly #starts: number[] = [];
  readonly #numbers: number[] = [];
  #length = 0;

  /** Returns where the line stands. Numbers never fall. */
  line(text: string, number: number): Range {
    const start = this.#length;
    this.#lines.push(text);
    this.#starts.push(start);
    this.#numbers.push(number);
    this.#length += text.length + 1;
    return { start, end: start + text.length };
  }

  /** A blank line, between two blocks. */
  gap(): void {
    if (this.#lines.length > 0) this.line('', this.#numbers.at(-1)!);
  }

  get text(): string {
    return this.#lines.join('\n');
  }

  numbersOf({ start, end }: Range): Pick<PassageLocation, 'first' | 'last'> {
    return { first: this.#numberAt(start), last: this.#numberAt(end - 1) };
  }

  /** Of the last line that starts at or before the position. */
  #numberAt(position: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! <= position) low = middle + 1;
      else high = middle;
    }
    return this.#numbers[Math.max(0, low - 1)]!;
  }
}

const SEPARATOR = '\n\n';

/** A part of a document that is made of several. */
export interface DocumentPart {
  /** They stand before those of its blocks. */
  readonly headings: readonly string[];
  readonly document: ParsedBinary;
}

/** One document of several, in order. */
export function joinDocuments(parts: readonly DocumentPart[]): ParsedBinary {
  const placed: { readonly start: number; readonly document: ParsedBinary }[] = [];
  let length = 0;
  for (const { document } of parts) {
    placed.push({ start: length, document });
    length += document.text.length + SEPARATOR.length;
  }
  return {
    text: parts.map(({ document }) => document.text).join(SEPARATOR),
    blocks: parts.flatMap(({ headings, document }, index) => {
      const { start } = placed[index]!;
      // Blocks of one section share an array, and go on to.
      const below = new Map<readonly string[], readonly string[]>();
      return document.blocks.map((block) => {
        if (!below.has(block.headings))
          below.set(block.headings, [...headings, ...withoutRepetition(block.headings, headings)]);
        const moved = {
          ...block,
          headings: below.get(block.headings)!,
          start: block.start + start,
          end: block.end + start,
        };
        return block.headerEnd === undefined ? moved : { ...moved, headerEnd: block.headerEnd + start };
      });
    }),
    locationOf(range) {
      const { start, document } = placed.findLast((part) => part.start <= range.start)!;
      return document.locationOf({ start: range.start - start, end: range.end - start });
    },
  };
}

/** Without a title that is only the name that stands before it already, of a file perhaps with its ending. */
function withoutRepetition(headings: readonly string[], above: readonly string[]): readonly string[] {
  return above.at(-1)?.startsWith(headings[0] ?? '') ? headings.slice(1) : headings;
}
