interface Place<T> {
  readonly value: T;
  before: Place<T> | null;
  behind: Place<T> | null;
}

/**
 * What is here now, in the order in which it came; each may leave at any time, and leaves nothing behind.
 *
 * A Map or a Set that is filled and emptied all the time is given a new table by V8 every few changes, and each table that was given up
 * points to the one that came after it. The first of them is old, so that all the others, and whatever was in them when they were given up,
 * outlive each collection of what is young, whole requests with them (decision 0112).
 */
export class Roll<T> {
  readonly #first: Place<T>;
  readonly #last: Place<T>;
  #size = 0;

  constructor() {
    this.#first = { value: undefined as T, before: null, behind: null };
    this.#last = { value: undefined as T, before: this.#first, behind: null };
    this.#first.behind = this.#last;
  }

  get size(): number {
    return this.#size;
  }

  /** All that are here as of now, the first that came first. */
  all(): T[] {
    const values: T[] = [];
    for (let at = this.#first.behind!; at !== this.#last; at = at.behind!) values.push(at.value);
    return values;
  }

  /** @returns what takes it off again; false where it had left already */
  add(value: T): () => boolean {
    const place: Place<T> = { value, before: this.#last.before, behind: this.#last };
    this.#last.before!.behind = place;
    this.#last.before = place;
    this.#size += 1;
    return () => {
      const { before, behind } = place;
      if (before === null || behind === null) return false;
      before.behind = behind;
      behind.before = before;
      // What has left must not lead to those that come later.
      place.before = null;
      place.behind = null;
      this.#size -= 1;
      return true;
    };
  }
}
