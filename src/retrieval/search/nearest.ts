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

/** Four sums at once: a chain of additions into one would wait for each. */
export function dot(a: Float32Array, b: Float32Array): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < a.length; i += 4) {
    s0 += a[i]! * b[i]!;
    s1 += a[i + 1]! * b[i + 1]!;
    s2 += a[i + 2]! * b[i + 2]!;
    s3 += a[i + 3]! * b[i + 3]!;
  }
  for (; i < a.length; i++) s0 += a[i]! * b[i]!;
  return s0 + s1 + s2 + s3;
}
