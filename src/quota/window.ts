/** A part of the window, in milliseconds. */
const PART_MS = 1000;
const PARTS = 60;
/** Places for parts; those that count are fewer. */
const PLACES = 64;

/**
 * A sum over the last minute. It is kept by the second, and the second in which the minute began counts whole: so no 60
 * seconds ever hold more than the sum says.
 */
export class MinuteWindow {
  /** By the second in which they were added, each at its own place; 0 where nothing counts. Each answer looks through all of them twice. */
  readonly #parts = new Float64Array(PLACES);
  /** The oldest and the newest second that count; none does where the first is behind the last. */
  #first = 0;
  #last = -1;
  #sum = 0;

  /** @returns the second, for `change` */
  add(nowMs: number, amount: number): number {
    const second = Math.max(this.#last, Math.floor(nowMs / PART_MS));
    this.#forget(second);
    if (this.#first > this.#last) this.#first = second;
    this.#last = second;
    this.#parts[second % PLACES]! += amount;
    this.#sum += amount;
    return second;
  }

  /** Changes what was added in a second, where that still counts. */
  change(second: number, amount: number): void {
    if (second < this.#first || second > this.#last) return;
    this.#parts[second % PLACES]! += amount;
    this.#sum += amount;
  }

  used(nowMs: number): number {
    this.#forget(Math.floor(nowMs / PART_MS));
    return this.#sum;
  }

  /** Until the sum is no more than that. */
  untilAtMost(nowMs: number, most: number): number {
    let sum = this.used(nowMs);
    for (let second = this.#first; second <= this.#last && sum > most; second++) {
      sum -= this.#parts[second % PLACES]!;
      if (sum <= most) return endOf(second) - nowMs;
    }
    return 0;
  }

  #forget(now: number): void {
    while (this.#first <= this.#last && this.#first < now - PARTS) {
      const place = this.#first++ % PLACES;
      this.#sum -= this.#parts[place]!;
      this.#parts[place] = 0;
    }
  }
}

/** When a second counts no more. */
const endOf = (second: number): number => (second + PARTS + 1) * PART_MS;
