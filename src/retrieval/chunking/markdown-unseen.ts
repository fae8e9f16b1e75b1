import type { Range } from './document.js';
import { linesOf } from './lines.js';
import { closingFence, openingFence } from './markdown-fences.js';

const COMMENT = '<!--';
const CLOSE = '-->';
/** A comment's beginning, or an anchor around nothing, which is there to be linked to. */
const UNSEEN = /<!--|<a\s+(?:id|name)\s*=\s*(?:"[^"<>]*"|'[^'<>]*')\s*(?:\/>|>\s*<\/a>)/g;

/** HTML outside code that no reader sees: comments, and empty anchors. A comment without an end hides nothing. */
export function unseenOf(text: string): Range[] {
  const unseen: Range[] = [];
  const lines = [...linesOf(text)];
  let found = findUnseen(text, 0);
  let hiddenUpTo = 0;
  for (let index = 0; found && index < lines.length; index++) {
    const line = lines[index]!;
    if (line.end <= hiddenUpTo) continue;
    const fence = hiddenUpTo <= line.start ? openingFence(line.text) : null;
    if (fence !== null) {
      index = closingFence(lines, index, fence);
      continue;
    }
    // What stood in code was passed by.
    if (found.start < line.start) found = findUnseen(text, Math.max(line.start, hiddenUpTo));
    for (; found && found.start < line.end; found = findUnseen(text, Math.max(found.end, hiddenUpTo))) {
      if (isInCode(text.slice(line.start, found.start))) continue;
      hiddenUpTo = found.end;
      if (found.isComment) {
        const close = text.indexOf(CLOSE, found.end);
        if (close < 0) return unseen;
        hiddenUpTo = close + CLOSE.length;
      }
      unseen.push({ start: found.start, end: hiddenUpTo });
    }
  }
  return unseen;
}

/** An anchor, or how a comment begins. */
function findUnseen(text: string, from: number) {
  UNSEEN.lastIndex = from;
  const found = UNSEEN.exec(text);
  return found && { start: found.index, end: UNSEEN.lastIndex, isComment: found[0] === COMMENT };
}

/** Whether a code span is open at the end of what stands before on the line. */
function isInCode(before: string): boolean {
  let open: number | null = null;
  for (const { length } of before.match(/`+/g) ?? []) {
    if (open === null) open = length;
    else if (open === length) open = null;
  }
  return open !== null;
}
