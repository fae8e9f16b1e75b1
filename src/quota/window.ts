/** A part of the window, in milliseconds. */
const PART_MS = 1000;
const PARTS = 60;

/**
 * A sum over the last minute. It is kept by the second, and the second in which the minute began counts whole: so no 60
 * seconds ever hold more than the sum says.
 */
export class MinuteWindow {
  /** By the second in which they were added, the oldest first. */
  readonly #parts = new Map<number, number>();
  #sum = 0;

  /** @returns the second, for `change` */
  add(nowMs: number, amount: number): number {
    const second = Math.floor(nowMs / PART_MS);
    this.#forget(second);
    this.#parts.set(second, (this.#parts.get(second) ?? 0) + amount);
    this.#sum += amount;
    return second;
  }

  /** Changes what was added in a second, where that still counts. */
  change(second: number, amount: number): void {
    const part = this.#parts.get(second);
    if (part === undefined) return;
    this.#parts.set(second, part + amount);
    this.#sum += amount;
  }

  used(nowMs: number): number {
    this.#forget(Math.floor(nowMs / PART_MS));
    return this.#sum;
  }

  /** Until the sum is no more than that. */
  untilAtMost(nowMs: number, most: number): number {
    let sum = this.used(nowMs);
    for (const [second, amount] of this.#parts) {
      if (sum <= most) break;
      sum -= amount;
      if (sum <= most) return endOf(second) - nowMs;
    }
    return 0;
  }

  #forget(now: number): void {
    for (const [second, amount] of this.#parts) {
      if (second >= now - PARTS) return;
      this.#parts.delete(second);
      this.#sum -= amount;
    }
  }
}

/** When a second counts no more. */
const endOf = (second: number): number => (second + PARTS + 1) * PART_MS;
