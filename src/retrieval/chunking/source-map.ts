import type { Range } from './document.js';

/**
 * Builds the text of a document without its markup and remembers, word by word, where each came from. Four numbers a
 * word: where it starts and ends in the text, and where in the source.
 */
export class SourceMap {
  #text = '';
  #separator = '';
  readonly #words: { start: number; end: number; sourceStart: number; sourceEnd: number }[] = [];

  get text(): string {
    return this.#text;
  }

  get length(): number {
    return this.#text.length;
  }

  /** White space to put before the next word; the strongest one wins. */
  separate(separator: string): void {
    if (this.#text !== '' && rank(separator) > rank(this.#separator)) this.#separator = separator;
  }

  /** Adds decoded text that stands at [sourceStart, sourceEnd) of the source; white space collapses unless `verbatim`. */
  append(data: string, sourceStart: number, sourceEnd: number, verbatim: boolean): void {
    // An entity is decoded into a text of its own, so equal lengths mean equal texts.
    const isPlain = data.length === sourceEnd - sourceStart;
    for (const { 0: piece, index } of data.matchAll(/\s+|\S+/g)) {
      if (piece.trim() === '') {
        if (verbatim && this.#separator === '') this.#text += piece;
        else this.separate(' ');
        continue;
      }
      this.#text += this.#separator;
      this.#separator = '';
      const start = this.#text.length;
      this.#text += piece;
      this.#words.push({
        start,
        end: this.#text.length,
        sourceStart: isPlain ? sourceStart + index : sourceStart,
        sourceEnd: isPlain ? sourceStart + index + piece.length : sourceEnd,
      });
    }
  }

  /** Adds text that does not stand in the source, for a place in it. */
  mark(text: string, position: number): void {
    this.#text += this.#separator;
    this.#separator = '';
    const start = this.#text.length;
    this.#text += text;
    this.#words.push({ start, end: this.#text.length, sourceStart: position, sourceEnd: position });
  }

  /** From `start` to the end of what was added, without white space at either end. */
  trimmed(start: number): Range {
    const first = this.#firstWordFrom(start);
    return first === this.#words.length
      ? { start, end: start }
      : { start: this.#words[first]!.start, end: this.#words.at(-1)!.end };
  }

  /** The source of a range, from the first word that it touches to the last. */
  sourceRange({ start, end }: Range): Range {
    const first = this.#words[this.#firstWordFrom(start)];
    const last = this.#words[this.#firstWordFrom(end - 1)] ?? this.#words.at(-1);
    if (!first || !last) return { start: 0, end: 0 };
    const isPlain = (word: typeof first) => word.end - word.start === word.sourceEnd - word.sourceStart;
    return {
      start: isPlain(first) ? first.sourceStart + Math.max(0, start - first.start) : first.sourceStart,
      end: isPlain(last) ? last.sourceEnd - Math.max(0, last.end - end) : last.sourceEnd,
    };
  }

  /** Index of the first word that ends after `position`. */
  #firstWordFrom(position: number): number {
    let low = 0;
    let high = this.#words.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#words[middle]!.end > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function rank(separator: string): number {
  return ['', ' ', '\n', '\n\n'].indexOf(separator);
}
