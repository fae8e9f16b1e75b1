import type { Line } from './lines.js';

const FENCE = /^\s*(`{3,}(?=[^`]*$)|~{3,})/;

/** The characters that open fenced code on this line; null where none is opened. */
export function openingFence(line: string): string | null {
  return FENCE.exec(line)?.[1] ?? null;
}

/** Index of the line that closes the fence opened at `opening`; an open end runs to the last line, as in CommonMark. */
export function closingFence(lines: readonly Line[], opening: number, fence: string): number {
  for (let index = opening + 1; index < lines.length; index++) {
    const text = lines[index]!.text.trim();
    if (text.length >= fence.length && text.startsWith(fence) && text === fence[0]!.repeat(text.length)) return index;
  }
  return lines.length - 1;
}
