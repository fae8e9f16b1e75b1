/** What took how long within a request, for whoever collects traces. Types only; ids, counts and times, never texts. */

export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface FinishedSpan {
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: SpanAttributes;
  /** Of the error that it ended with; null: with none. */
  readonly error: string | null;
}

/** A span that others are put below. */
export interface Trace {
  /** Names it to whoever is asked on its behalf, as the W3C's Trace Context has it. */
  readonly traceparent: string;
  /** Puts a span that is over below this one. */
  add(name: string, span: FinishedSpan): Trace;
}
