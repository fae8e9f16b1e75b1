import type { VocabularyScan } from './vocabulary-scan.js';

/**
 * How far below the best logit each band of candidates ends. Almost every answer needs the first band alone, and its few
 * hundred ids cost a hundredth of what the vocabulary costs.
 */
const BANDS = [8, 16, Number.POSITIVE_INFINITY];

/**
 * Token ids band by band of their logits, or in descending order of them (a binary heap over one band after another), as
 * many as are asked for. Equal logits come in order of id.
 */
export class Candidates {
  readonly #scan: VocabularyScan;
  readonly #heap: Int32Array;
  #logits: Float32Array = new Float32Array(0);
  #size = 0;
  #max = 0;
  #threshold = 0;
  #band = 0;
  /** Everything from here on has been taken in. */
  #edge = 0;

  constructor(vocabSize: number, scan: VocabularyScan) {
    this.#heap = new Int32Array(vocabSize);
    this.#scan = scan;
  }

  /**
   * Starts over with the ids whose logit is at least `threshold`; `max` is the largest of all. `logits` must not change
   * until the last `pop`.
   */
  reset(logits: Float32Array, max: number, threshold = Number.NEGATIVE_INFINITY): void {
    this.#logits = logits;
    this.#max = max;
    this.#threshold = threshold;
    this.#band = 0;
    this.#edge = Number.POSITIVE_INFINITY;
    this.#size = 0;
  }

  /** The next band in order of id, maybe empty, valid until the next call; null behind the last one. Not to be mixed with `pop`. */
  nextBand(): Int32Array | null {
    if (this.#band === BANDS.length || this.#edge === this.#threshold) return null;
    const lower = Math.max(this.#threshold, this.#max - BANDS[this.#band++]!);
    this.#size = this.#scan.idsWithin(this.#logits, lower, this.#edge, this.#heap);
    this.#edge = lower;
    return this.#heap.subarray(0, this.#size);
  }

  /** The id with the largest logit that is left; undefined when none is. */
  pop(): number | undefined {
    while (this.#size === 0) {
      if (this.nextBand() === null) return undefined;
      for (let i = (this.#size >> 1) - 1; i >= 0; i--) this.#siftDown(i);
    }
    const top = this.#heap[0]!;
    this.#heap[0] = this.#heap[--this.#size]!;
    this.#siftDown(0);
    return top;
  }

  /** The `count` best, or all where there are fewer. */
  take(count: number): number[] {
    const ids: number[] = [];
    while (ids.length < count) {
      const id = this.pop();
      if (id === undefined) break;
      ids.push(id);
    }
    return ids;
  }

  #siftDown(start: number): void {
    const heap = this.#heap;
    let i = start;
    for (;;) {
      let best = i;
      const left = 2 * i + 1;
      if (left < this.#size && this.#before(heap[left]!, heap[best]!)) best = left;
      if (left + 1 < this.#size && this.#before(heap[left + 1]!, heap[best]!)) best = left + 1;
      if (best === i) return;
      const id = heap[i]!;
      heap[i] = heap[best]!;
      heap[best] = id;
      i = best;
    }
  }

  #before(a: number, b: number): boolean {
    const difference = this.#logits[a]! - this.#logits[b]!;
    return difference > 0 || (difference === 0 && a < b);
  }
}
