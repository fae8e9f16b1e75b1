import { ENDS_WHOLE } from '../../../words/sentences.js';
import { withoutInvisible } from '../clean-text.js';
import type { ParsedBinary, Range } from '../document.js';
import { LocatedText } from '../located-text.js';
import { SectionBuilder } from '../section-builder.js';
import { Unreadable } from '../unreadable.js';
import { type PdfLine, readPdfPages } from './pdfium.js';

/** How much larger than the text a heading is at least. */
const HEADING_SIZE = 1.15;
const MAX_HEADING_CHARS = 150;
const MAX_LEVELS = 5;
/** Of all letters; documents with more of them set something else in large ones. */
const MAX_HEADING_SHARE = 0.3;
/** Lines further apart than that many times the usual distance are of two paragraphs. */
const PARAGRAPH_GAP = 1.3;
/** Lines of one paragraph are hardly further apart than that many sizes of their letters, where they are not set wide. */
const SINGLE_SPACED = 1.5;
const LEAST_SINGLE_SHARE = 0.1;
/** Sizes that differ by less are one, in points. */
const SIZE_STEP = 0.5;
/** Lines at the top and at the bottom of a page that may stand on others too, and on how many they then do: a chapter may have its own. */
const EDGE_LINES = 2;
const LEAST_PAGES = 3;

/**
 * A PDF: its text page by page, without the lines that repeat at the top or bottom of pages. Larger letters, and bold
 * lines that stand alone, are headings.
 * @throws Unreadable for one that is protected, or that has pictures of pages alone
 */
export async function parsePdf(content: Uint8Array, title: string): Promise<ParsedBinary> {
  const all: PdfLine[][] = [];
  for await (const lines of readPdfPages(content)) {
    all.push(lines.map((line) => ({ ...line, text: withoutInvisible(line.text) })).filter(({ text }) => text !== ''));
  }
  if (all.every((lines) => lines.length === 0)) {
    const pages = all.length === 1 ? 'its page has' : `its ${all.length} pages have`;
    throw new Unreadable(`${pages} no text, only pictures of it (a scan); run text recognition (OCR) on it first`);
  }
  const body = bodySize(all.flat());
  const pages = withoutFurniture(all, body);
  const levelOf = headingLevels(pages.flat(), body);
  const usual = usualGap(pages);
  const located = new LocatedText();
  const pieces: Piece[] = [];
  let open = null as Piece | null;
  let last = '';
  for (const [index, lines] of pages.entries()) {
    for (const [at, line] of lines.entries()) {
      const [before, after] = [lines[at - 1], lines[at + 1]];
      const level = levelOf(line, isApart(before, line, usual) && isApart(line, after, usual));
      // Lines of one heading are further apart than those of text.
      const isNext = before ? !isApart(before, line, usual * (level === null ? 1 : 1.5)) : isCutOff(last, line.text);
      const goesOn: boolean = open?.level === level && isNext;
      if (!goesOn) located.gap();
      const range = located.line(line.text, index + 1);
      open = { level, range: { start: goesOn ? open!.range.start : range.start, end: range.end } };
      if (goesOn) pieces.pop();
      pieces.push(open);
      last = line.text;
    }
  }
  const { text } = located;
  const sections = new SectionBuilder(title);
  // Chapters: the first is no title of the others.
  if (pieces.filter(({ level }) => level === 1).length > 1) sections.title(title);
  for (const { level, range } of pieces) {
    if (level === null) sections.block('prose', range);
    else sections.heading(level, text.slice(range.start, range.end), range);
  }
  return {
    text,
    blocks: sections.blocks(),
    locationOf: (range) => ({ type: 'page', ...located.numbersOf(range) }),
  };
}

/** A paragraph, or a heading. */
interface Piece {
  readonly level: number | null;
  readonly range: Range;
}

/** Pages without the lines that stand at the top or bottom of several, whatever number is in them. Headings stay. */
function withoutFurniture(pages: readonly PdfLine[][], body: number): PdfLine[][] {
  const key = ({ text, y }: PdfLine) => `${Math.round(y)} ${text.replace(/\d+/g, '0')}`;
  const counts = new Map<string, number>();
  for (const lines of pages) {
    for (const line of new Set(edgesOf(lines).map(key))) counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return pages.map((lines) => {
    const edges = new Set(
      edgesOf(lines).filter((line) => counts.get(key(line))! >= LEAST_PAGES && !isLarge(line, body)),
    );
    return lines.filter((line) => !edges.has(line));
  });
}

/** The highest and the lowest lines: the order of a file may have them anywhere. */
function edgesOf(lines: readonly PdfLine[]): PdfLine[] {
  const byHeight = [...lines].sort((a, b) => b.y - a.y);
  return [...byHeight.slice(0, EDGE_LINES), ...byHeight.slice(-EDGE_LINES)];
}

/** What level of heading a line is, which may be said to stand apart from others; null for text. */
function headingLevels(lines: readonly PdfLine[], body: number): (line: PdfLine, isAlone: boolean) => number | null {
  const isHeading = (line: PdfLine) => isLarge(line, body) && isTitle(line);
  const large = lines.filter(isHeading);
  const sizes = [...new Set(large.map(rounded))].sort((a, b) => b - a).slice(0, MAX_LEVELS);
  const isRare = (some: readonly PdfLine[]) => lengthOf(some) <= lengthOf(lines) * MAX_HEADING_SHARE;
  const isUsable = isRare(large);
  const isBoldUsable = isRare(lines.filter(({ isBold }) => isBold));
  return (line, isAlone) => {
    if (isUsable && isHeading(line))
      return Math.max(1, sizes.findIndex((size) => size <= rounded(line)) + 1 || sizes.length);
    const isBoldTitle = isBoldUsable && isAlone && line.isBold && rounded(line) >= body && isTitle(line);
    return isBoldTitle && !/[.,;:]$/.test(line.text) ? sizes.length + 1 : null;
  };
}

/** Of most of the text. */
function bodySize(lines: readonly PdfLine[]): number {
  const chars = new Map<number, number>();
  for (const line of lines) chars.set(rounded(line), (chars.get(rounded(line)) ?? 0) + line.text.length);
  return [...chars].reduce((most, size) => (size[1] > most[1] ? size : most), [0, 0])[0];
}

function isLarge(line: PdfLine, body: number): boolean {
  return rounded(line) >= body * HEADING_SIZE;
}

function lengthOf(lines: readonly PdfLine[]): number {
  return lines.reduce((sum, { text }) => sum + text.length, 0);
}

/** Whether a sentence goes on in the text of the next page. */
function isCutOff(last: string, next: string): boolean {
  return last !== '' && !ENDS_WHOLE.test(last) && /^\p{Ll}/u.test(next);
}

function isTitle({ text }: PdfLine): boolean {
  return text.length <= MAX_HEADING_CHARS && /\p{L}/u.test(text);
}

function rounded({ size }: PdfLine): number {
  return Math.round(size / SIZE_STEP) * SIZE_STEP;
}

/** The distance from a line of text to the next one of its paragraph, in sizes of its letters. */
function usualGap(pages: readonly PdfLine[][]): number {
  const gaps = pages.flatMap((lines) => lines.slice(1).map((line, index) => gapBetween(lines[index]!, line)));
  const below = gaps.filter((gap) => gap > 0).sort((a, b) => a - b);
  const single = below.filter((gap) => gap <= SINGLE_SPACED);
  // Where hardly a line stands that close, the text is set wider.
  const usual =
    single.length > below.length * LEAST_SINGLE_SHARE ? single[single.length >> 1] : below[below.length >> 2];
  return usual ?? 1;
}

function gapBetween(above: PdfLine, below: PdfLine): number {
  return (above.bottom - below.y) / Math.max(1, below.size);
}

function isApart(above: PdfLine | undefined, below: PdfLine | undefined, usual: number): boolean {
  if (!above || !below) return true;
  const gap = gapBetween(above, below);
  // A line that is not below the other begins another column.
  return gap > usual * PARAGRAPH_GAP || gap < 0;
}
