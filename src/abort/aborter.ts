/** Every signal of Node 20's own is given properties behind a change of its prototype, after which V8 makes it a hidden class of its own. */
const IS_SLOW = process.versions.node.startsWith('20.');
/** What `AbortSignal.any` notes at its sources: signals that are aborted with them. */
const dependants = IS_SLOW ? symbolOfDependants() : undefined;

class Signal extends EventTarget {
  isAborted = false;
  why: unknown = undefined;
  /** What `AbortSignal.any` made of it hears of its end through this one. */
  twin: AbortController | null = null;

  get aborted(): boolean {
    return this.isAborted;
  }

  get reason(): unknown {
    return this.why;
  }

  throwIfAborted(): void {
    if (this.isAborted) throw this.why;
  }
}

class OwnController {
  readonly #signal = new Signal();

  get signal(): AbortSignal {
    return this.#signal as unknown as AbortSignal;
  }

  abort(reason: unknown = new DOMException('This operation was aborted', 'AbortError')): void {
    const signal = this.#signal;
    if (signal.isAborted) return;
    signal.isAborted = true;
    signal.why = reason;
    signal.dispatchEvent(new Event('abort'));
    signal.twin?.abort(reason);
  }
}

/**
 * An `AbortController`, for what is made with each request. On Node 20 it is one of ours: to make a signal of Node's takes 3 µs there and
 * leaves half a kilobyte until all memory is looked through, and no code ever knows the class of the next one (decision 0116). Three of them
 * were a fourteenth of an answer. It is an `AbortSignal` for whoever takes one, `AbortSignal.any` too.
 */
export const Aborter: new () => AbortController = dependants === undefined ? AbortController : OwnController;

if (dependants !== undefined) {
  // An AbortSignal to `instanceof`, and its listeners' methods; what it would look for in itself is not there.
  Object.setPrototypeOf(Signal.prototype, AbortSignal.prototype);
  type Noted = Record<symbol, unknown>;
  Object.defineProperty(Signal.prototype, dependants, {
    get(this: Signal) {
      return (this.twin?.signal as unknown as Noted | undefined)?.[dependants];
    },
    set(this: Signal, signals: unknown) {
      this.twin ??= new AbortController();
      (this.twin.signal as unknown as Noted)[dependants] = signals;
    },
  });
}

function symbolOfDependants(): symbol | undefined {
  const { signal } = new AbortController();
  AbortSignal.any([signal]);
  return Object.getOwnPropertySymbols(signal).find(({ description }) => description === 'kDependantSignals');
}
