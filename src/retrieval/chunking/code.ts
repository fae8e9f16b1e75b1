import { blocksOfSyntax } from './definitions.js';
import { asIs, type Block, type ParsedText, type Range } from './document.js';
import { extended, linesOf } from './lines.js';

const CLOSES = /^(?:[)\]}]|end\b|else\b|\*\/)/;

/** Source code, cut at its definitions where its language is known. */
export async function parseCode(text: string, filename: string): Promise<ParsedText> {
  const { parseSyntax } = await import('./syntax.js');
  const tree = await parseSyntax(text, filename);
  if (tree === null) return { text, blocks: indentedBlocks(text, filename), sourceRange: asIs };
  try {
    return { text, blocks: blocksOfSyntax(tree.rootNode, text, filename), sourceRange: asIs };
  } finally {
    tree.delete();
  }
}

/**
 * A block starts at an unindented line after a blank one, so that a function stays in one piece, blank lines in its
 * body included. Languages do not matter, indentation does.
 */
function indentedBlocks(text: string, filename: string): Block[] {
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
  return blocks;
}
