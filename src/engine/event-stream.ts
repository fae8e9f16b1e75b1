import type { TokenEvent } from '../contracts/generator.js';

type Delta = Extract<TokenEvent, { type: 'delta' }>;

/**
 * Events of one answer on their way to its one reader. A reader that falls behind finds the deltas it missed joined
 * into one, so at most three events wait here, whatever the speed of the other side.
 */
export class EventStream implements AsyncIterable<TokenEvent> {
  readonly #waiting: TokenEvent[] = [];
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  push(event: TokenEvent): void {
    const last = this.#waiting.at(-1);
    if (event.type === 'delta' && last?.type === 'delta') this.#waiting[this.#waiting.length - 1] = join(last, event);
    else this.#waiting.push(event);
    this.#wake?.();
  }

  /** The reader gets what waits, then the error. */
  fail(error: Error): void {
    this.#error = error;
    this.#wake?.();
  }

  /** Ends after `finished`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TokenEvent, void, undefined> {
    for (;;) {
      const event = this.#waiting.shift();
      if (event) {
        yield event;
        if (event.type === 'finished') return;
      } else if (this.#error) {
        throw this.#error;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
      }
    }
  }
}

function join(first: Delta, second: Delta): Delta {
  return {
    type: 'delta',
    text: first.text + second.text,
    tokenCount: first.tokenCount + second.tokenCount,
    logprobs: [...first.logprobs, ...second.logprobs],
  };
}
