/** A word of a text as BERT's vocabularies cut it before they look it up: letters and digits, or one other sign. */
export interface EntityWord {
  readonly start: number;
  readonly end: number;
}

const WORD = /\p{Script=Han}|(?:(?!\p{Script=Han})[\p{L}\p{M}\p{N}])+|[^\s\p{L}\p{M}\p{N}]/gu;

export function entityWordsOf(text: string): EntityWord[] {
  return Array.from(text.matchAll(WORD), ({ 0: word, index }) => ({ start: index, end: index + word.length }));
}

/** Words that are read together: from `start` up to, but not including, `end`. What is told of those from `from` up to `to` counts. */
export interface EntityWindow {
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Cuts a text into windows that overlap, whatever its words are. Of words that two windows share, each counts where it is
 * farther from the border.
 * @param sizes tokens of each word
 * @param most tokens of a window, less its last word
 * @param overlap tokens that neighbours share at most, less than `most`
 */
export function entityWindows(sizes: readonly number[], most: number, overlap: number): EntityWindow[] {
  const windows: EntityWindow[] = [];
  let start = 0;
  let from = 0;
  while (start < sizes.length) {
    let end = start;
    for (let tokens = 0; end < sizes.length && tokens < most; end++) tokens += sizes[end]!;
    let next = end;
    for (let tokens = sizes[next - 1]!; end < sizes.length && tokens <= overlap; tokens += sizes[next - 1]!) next--;
    const to = Math.ceil((next + end) / 2);
    windows.push({ start, end, from, to });
    from = to;
    start = next;
  }
  return windows;
}
