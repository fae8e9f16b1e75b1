import { asIs, type ParsedText } from './document.js';
import { type Line, linesOf } from './lines.js';
import { closingFence, openingFence } from './markdown-fences.js';
import { SectionBuilder } from './section-builder.js';

const ATX_HEADING = /^ {0,3}(#{1,6})(?=[ \t]|$)/;
const SETEXT_UNDERLINE = /^ {0,3}(=+|-{2,})[ \t]*$/;
const LIST_ITEM = /^\s*(?:[-*+]|\d{1,9}[.)])[ \t]/;
const TABLE_RULE = /^[ \t]*[|:-][ \t|:-]*$/;
const MAX_FRONT_MATTER_LINES = 100;
const KINDS = { paragraph: 'prose', list: 'lines', table: 'table' } as const;

/** The block that is being read. `paragraph` lines may still turn out to be a heading. */
interface Open {
  readonly kind: 'paragraph' | 'list' | 'table';
  readonly start: number;
  end: number;
  /** Where the second line ends: a table's header and the rule below it. */
  headerEnd: number;
  lineCount: number;
}

/** Markdown: headings make sections; fenced code, lists and tables are blocks that stay whole where they fit. */
export function parseMarkdown(text: string, title: string): ParsedText {
  const lines = [...linesOf(text)];
  const sections = new SectionBuilder(title);
  let open: Open | null = null;
  let afterBlank = false;

  const close = () => {
    if (open) sections.block(KINDS[open.kind], open, open.kind === 'table' ? open.headerEnd : undefined);
    open = null;
  };
  const extend = (kind: Open['kind'], line: Line) => {
    if (open?.kind !== kind) close();
    open ??= { kind, start: line.start, end: line.end, headerEnd: line.end, lineCount: 0 };
    open.end = line.end;
    open.lineCount += 1;
    if (open.lineCount === 2) open.headerEnd = line.end;
  };

  let index = frontMatter(lines, sections);
  for (; index < lines.length; index++) {
    const line = lines[index]!;
    // Read through a helper, because the compiler does not see that the closures above assign it.
    const current = open as Open | null;
    if (line.isBlank) {
      // A list goes on after a blank line when an item or an indented line follows.
      if (current?.kind !== 'list') close();
      afterBlank = true;
      continue;
    }
    const isItem = LIST_ITEM.test(line.text);
    const fence = openingFence(line.text);
    const heading = ATX_HEADING.exec(line.text);
    if (fence !== null) {
      close();
      const last = closingFence(lines, index, fence);
      sections.block('lines', { start: line.start, end: lines[last]!.end });
      index = last;
    } else if (heading) {
      close();
      sections.heading(heading[1]!.length, headingText(line.text.slice(heading[0].length)), line);
    } else if (current?.kind === 'paragraph' && current.lineCount === 1 && SETEXT_UNDERLINE.test(line.text)) {
      open = null;
      const level = line.text.trimStart().startsWith('=') ? 1 : 2;
      const range = { start: current.start, end: line.end };
      sections.heading(level, headingText(text.slice(current.start, current.end)), range);
    } else if (startsTable(line, lines[index + 1]) || (current?.kind === 'table' && line.text.includes('|'))) {
      extend('table', line);
    } else if (isItem || (current?.kind === 'list' && (!afterBlank || line.indent >= 2))) {
      extend('list', line);
    } else {
      extend('paragraph', line);
    }
    afterBlank = false;
  }
  close();
  return { text, blocks: sections.blocks(), sourceRange: asIs };
}

/** Returns the index of the first line after the front matter; 0 where there is none. */
function frontMatter(lines: readonly Line[], sections: SectionBuilder): number {
  if (lines[0]?.text.trim() !== '---') return 0;
  const last = lines
    .slice(0, MAX_FRONT_MATTER_LINES)
    .findIndex((line, index) => index > 0 && line.text.trim() === '---');
  if (last < 2) return 0;
  for (const line of lines.slice(1, last)) {
    if (line.text.startsWith('title:'))
      sections.title(
        line.text
          .slice(6)
          .trim()
          .replace(/^(["'])(.*)\1$/, '$2'),
      );
  }
  sections.block('lines', { start: lines[0].start, end: lines[last]!.end });
  return last + 1;
}

function startsTable(line: Line, next: Line | undefined): boolean {
  return (
    line.text.includes('|') &&
    next?.text.includes('-') === true &&
    next.text.includes('|') &&
    TABLE_RULE.test(next.text)
  );
}

/** A heading as people read it: without closing hashes, anchors, link targets and emphasis. */
function headingText(raw: string): string {
  return raw
    .slice(0, 800)
    .trim()
    .replace(/(?:^|[ \t])#+$/, '')
    .replace(/<[^<>]*>/g, '')
    .replace(/\[([^[\]]*)\]\([^()]*\)/g, '$1')
    .replace(/[`*]/g, '')
    .trim();
}
