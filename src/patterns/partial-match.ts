/** Length of the longest end of `text` that `stop` starts with, and does not end with. */
export function partialMatch(text: string, stop: string): number {
  let length = Math.min(text.length, stop.length - 1);
  while (length > 0 && !text.endsWith(stop.slice(0, length))) length--;
  return length;
}
