import type { Labels, Series } from './family.js';

type Step = Map<string, Step | Series>;

/** Series that were found a moment ago, one label's value behind the other: to put the values into one text takes longer than to count. */
export class KnownSeries {
  readonly #root: Step = new Map();

  /** @param names of the labels, always in the same order */
  find(name: string, names: readonly string[], labels: Labels): Series | undefined {
    let at = this.#root.get(name);
    for (const label of names) {
      if (at === undefined) return undefined;
      at = (at as Step).get(labels[label]!);
    }
    return at as Series | undefined;
  }

  note(name: string, names: readonly string[], labels: Labels, series: Series): void {
    const path = [name, ...names.map((label) => labels[label]!)];
    let step = this.#root;
    for (const value of path.slice(0, -1)) {
      const next = (step.get(value) as Step | undefined) ?? new Map();
      step.set(value, next);
      step = next;
    }
    step.set(path.at(-1)!, series);
  }

  clear(): void {
    this.#root.clear();
  }
}
