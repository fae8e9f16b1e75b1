import { dot } from '../../vectors/dot.js';

export interface Scored {
  readonly label: number;
  readonly score: number;
}

/** Keeps the best `count` by score; equal scores are ordered by label, so that the same rows give the same answer. */
export class Nearest {
  readonly #count: number;
  readonly #query: Float32Array;
  readonly #best: Scored[] = [];

  constructor(query: Float32Array, count: number) {
    this.#query = query;
    this.#count = count;
  }

  add(label: number, embedding: Float32Array): void {
    const scored = { label, score: dot(this.#query, embedding) };
    const worst = this.#best[this.#count - 1];
    if (!Number.isFinite(scored.score) || (worst && !precedes(scored, worst))) return;
    let at = this.#best.length;
    while (at > 0 && precedes(scored, this.#best[at - 1]!)) at -= 1;
    this.#best.splice(at, 0, scored);
    if (this.#best.length > this.#count) this.#best.pop();
  }

  /** Best first. */
  get best(): readonly Scored[] {
    return this.#best;
  }
}

function precedes(a: Scored, b: Scored): boolean {
  return a.score > b.score || (a.score === b.score && a.label < b.label);
}
