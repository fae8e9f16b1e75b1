import { asIs, type Block, type ParsedText, type Range } from './document.js';
import { extended, linesOf } from './lines.js';

/** Plain text: paragraphs between blank lines, under the file's name. */
export function parseText(text: string, title: string): ParsedText {
  return { text, blocks: paragraphs(text, [title]), sourceRange: asIs };
}

function paragraphs(text: string, headings: readonly string[]): Block[] {
  const blocks: Block[] = [];
  let open: Range | null = null;
  for (const line of linesOf(text)) {
    if (line.isBlank) {
      if (open) blocks.push({ kind: 'prose', headings, ...open });
      open = null;
    } else {
      open = extended(open, line);
    }
  }
  if (open) blocks.push({ kind: 'prose', headings, ...open });
  return blocks;
}
