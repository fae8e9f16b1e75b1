import type { Range } from './document.js';
import { linesOf } from './lines.js';
import { closingFence, openingFence } from './markdown-fences.js';

const OPEN = '<!--';
const CLOSE = '-->';

/** HTML comments outside code: what their author meant for no reader. One without an end hides nothing. */
export function commentsOf(text: string): Range[] {
  if (!text.includes(OPEN)) return [];
  const comments: Range[] = [];
  const lines = [...linesOf(text)];
  let hiddenUpTo = 0;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    if (line.end <= hiddenUpTo) continue;
    const fence = hiddenUpTo <= line.start ? openingFence(line.text) : null;
    if (fence !== null) {
      index = closingFence(lines, index, fence);
      continue;
    }
    for (let from = Math.max(line.start, hiddenUpTo); ; ) {
      const start = text.indexOf(OPEN, from);
      if (start < 0) return comments;
      if (start >= line.end) break;
      from = start + OPEN.length;
      if (isInCode(text.slice(line.start, start))) continue;
      const close = text.indexOf(CLOSE, from);
      if (close < 0) return comments;
      hiddenUpTo = close + CLOSE.length;
      comments.push({ start, end: hiddenUpTo });
      from = hiddenUpTo;
    }
  }
  return comments;
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
