import { asIs, type Block, type ParsedDocument, type Range } from './document.js';
import { extended, linesOf } from './lines.js';

const CLOSES = /^(?:[)\]}]|end\b|else\b|\*\/)/;

/**
 * Source code: a block starts at an unindented line after a blank one, so that a function stays in one piece, blank
 * lines in its body included. Languages do not matter, indentation does.
 */
export function parseCode(text: string, filename: string): ParsedDocument {
  const headings = [filename];
  const blocks: Block[] = [];
  let open: Range | null = null;
  let afterBlank = false;
  for (const line of linesOf(text)) {
    if (line.isBlank) {
      afterBlank = true;
      continue;
    }
    if (open && afterBlank && line.indent === 0 && !CLOSES.test(line.text)) {
      blocks.push({ kind: 'lines', headings, ...open });
      open = null;
    }
    open = extended(open, line);
    afterBlank = false;
  }
  if (open) blocks.push({ kind: 'lines', headings, ...open });
  return { text, blocks, sourceRange: asIs };
}
