import type { Family, Labels } from './family.js';

/** Which series each label value is part of, so that they can be taken back together. */
export function createSeriesIndex(labels: readonly string[]) {
  const index = new Map<string, Map<string, { readonly family: Family; readonly labels: Labels }>>();
  const keyOf = (label: string, value: string) => `${label} ${value}`;
  return {
    /** Notes that a series is in use. */
    note(name: string, family: Family, of: Labels): void {
      const id = `${name} ${Object.values(of).join(' ')}`;
      for (const label of labels) {
        const value = of[label];
        if (value === undefined) continue;
        const key = keyOf(label, value);
        const series = index.get(key) ?? new Map();
        index.set(key, series);
        if (!series.has(id)) series.set(id, { family, labels: of });
      }
    },
    /** Removes every series with this value. */
    forget(label: string, value: string): void {
      const key = keyOf(label, value);
      for (const { family, labels: of } of index.get(key)?.values() ?? []) family.remove(of);
      index.delete(key);
    },
  };
}
