import type { Block, BlockKind, Range } from './document.js';

interface Section {
  readonly level: number;
  readonly line: Range;
  readonly headings: readonly string[];
  readonly blocks: Omit<Block, 'headings'>[];
}

const MAX_HEADING_CHARS = 200;

/** Collects the blocks of a document under its headings. */
export class SectionBuilder {
  #title: string | null;
  readonly #fallbackTitle: string;
  readonly #open: { level: number; text: string }[] = [];
  readonly #sections: Section[] = [{ level: 0, line: { start: 0, end: 0 }, headings: [], blocks: [] }];

  constructor(fallbackTitle: string) {
    this.#title = null;
    this.#fallbackTitle = fallbackTitle;
  }

  /** A title that the document states outside of its headings; the first one counts. */
  title(text: string): void {
    this.#title ??= shorten(text) || null;
  }

  heading(level: number, text: string, line: Range): void {
    while (this.#open.length > 0 && this.#open.at(-1)!.level >= level) this.#open.pop();
    const shown = shorten(text);
    if (shown) this.#open.push({ level, text: shown });
    if (level === 1) this.title(shown);
    this.#sections.push({ level, line, headings: this.#open.map((heading) => heading.text), blocks: [] });
  }

  /** `headerEnd` is where the column names of a table end. */
  block(kind: BlockKind, { start, end }: Range, headerEnd?: number): void {
    const header = headerEnd !== undefined && headerEnd < end ? { headerEnd } : {};
    this.#sections.at(-1)!.blocks.push({ kind, start, end, ...header });
  }

  /**
   * Headings are not part of the passages' text, since every passage of a section carries them in its path. A heading
   * with nothing below it becomes a block, so that no text is lost.
   */
  blocks(): Block[] {
    const title = this.#title ?? this.#fallbackTitle;
    return this.#sections.flatMap((section, index) => {
      const headings = section.headings[0] === title ? section.headings : [title, ...section.headings];
      const isLeaf = (this.#sections[index + 1]?.level ?? 0) <= section.level;
      const isBare = section.blocks.length === 0 && isLeaf && section.line.end > section.line.start;
      const blocks = isBare ? [{ kind: 'prose' as const, ...section.line }] : section.blocks;
      return blocks.map((block) => ({ ...block, headings }));
    });
  }
}

function shorten(text: string): string {
  const line = text
    .slice(0, 4 * MAX_HEADING_CHARS)
    .replace(/\s+/g, ' ')
    .trim();
  return line.length <= MAX_HEADING_CHARS ? line : `${line.slice(0, MAX_HEADING_CHARS - 1)}…`;
}
