/**
 * How far below the best logit each band of candidates ends. Almost every answer needs the first band alone, and a heap
 * of its few hundred ids costs a twentieth of one over the vocabulary.
 */
const BANDS = [8, 16, Number.POSITIVE_INFINITY];

/**
 * Token ids in descending order of their logits, as many as are asked for: a binary heap over one band of logits after
 * another. Equal logits come in order of id.
 */
export class Candidates {
  readonly #heap: Int32Array;
  #logits: Float32Array = new Float32Array(0);
  #size = 0;
  #max = 0;
  #threshold = 0;
  #band = 0;
  /** Everything from here on has been taken in. */
  #edge = 0;

  constructor(vocabSize: number) {
    this.#heap = new Int32Array(vocabSize);
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

  /** The id with the largest logit that is left; undefined when none is. */
  pop(): number | undefined {
    while (this.#size === 0) {
      if (this.#band === BANDS.length) return undefined;
      this.#takeBand(BANDS[this.#band++]!);
    }
    const top = this.#heap[0]!;
    this.#heap[0] = this.#heap[--this.#size]!;
    this.#siftDown(0);
    return top;
  }

  #takeBand(depth: number): void {
    const lower = Math.max(this.#threshold, this.#max - depth);
    for (let id = 0; id < this.#logits.length; id++) {
      const logit = this.#logits[id]!;
      if (logit >= lower && logit < this.#edge) this.#heap[this.#size++] = id;
    }
    this.#edge = lower;
    for (let i = (this.#size >> 1) - 1; i >= 0; i--) this.#siftDown(i);
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
