/** What a label value becomes once its label is full. */
const OTHER = 'other';

/** Labels whose values come from tenants; all others have few values by construction. */
const OPEN_LABELS: ReadonlySet<string> = new Set(['tenant', 'deployment', 'adapter']);

/**
 * Bounds the distinct values of each open label: the first `maxValues` are kept, later ones become `other`, so that
 * no tenant can grow the metrics without end.
 */
export function createLabelLimit(maxValues: number, onOverflow: (label: string) => void) {
  const seen = new Map<string, Set<string>>();
  return (labels: Readonly<Record<string, string>>): Record<string, string> => {
    const bounded: Record<string, string> = {};
    for (const [label, value] of Object.entries(labels)) {
      bounded[label] = OPEN_LABELS.has(label) ? bound(label, value) : value;
    }
    return bounded;
  };

  function bound(label: string, value: string): string {
    const values = seen.get(label) ?? new Set();
    seen.set(label, values);
    if (values.has(value)) return value;
    if (values.size < maxValues) {
      values.add(value);
      return value;
    }
    onOverflow(label);
    return OTHER;
  }
}
