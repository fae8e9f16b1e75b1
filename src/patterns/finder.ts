/** A piece of a text, in UTF-16 units: from `start` up to, but not including, `end`. Never empty. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** What kind of thing it is. */
  readonly label: string;
}

/**
 * Finds things in a text that may still grow. What `find` gives that begins before `openFrom` stays the same, whatever
 * follows: so a stream can be let go up to there.
 */
export interface Finder {
  /** The first that begins at `from` or later; null: none. */
  find(text: string, from: number): Span | null;
  /** Where the first piece begins, at `from` or later, that is no match yet, or a match already, and could become one, or a longer one; the text's length: nowhere. */
  openFrom(text: string, from: number): number;
}

/** Of several finders, what begins first; of what begins at the same place, the first finder's. */
export function firstOf(finders: readonly Finder[]): Finder {
  return {
    find(text, from) {
      let first: Span | null = null;
      for (const finder of finders) {
        const span = finder.find(text, from);
        if (span !== null && (first === null || span.start < first.start)) first = span;
      }
      return first;
    },
    openFrom: (text, from) =>
      finders.reduce((least, finder) => Math.min(least, finder.openFrom(text, from)), text.length),
  };
}

/** A whole text in which a label stands for everything that is found, and how much that is. */
export function redact(text: string, finder: Finder): { readonly text: string; readonly count: number } {
  return blank(text, findAll(finder, text));
}

/** A text in which labels stand for pieces of it. @param spans in the order of the text, none within another */
export function blank(text: string, spans: Iterable<Span>): { readonly text: string; readonly count: number } {
  let redacted = '';
  let from = 0;
  let count = 0;
  for (const { start, end, label } of spans) {
    redacted += `${text.slice(from, start)}[${label}]`;
    from = end;
    count += 1;
  }
  return { text: redacted + text.slice(from), count };
}

/** Everything that is found in a text that is whole. */
function* findAll(finder: Finder, text: string): Generator<Span, void, undefined> {
  for (let from = 0; ; ) {
    const span = finder.find(text, from);
    if (span === null) return;
    yield span;
    from = span.end;
  }
}
