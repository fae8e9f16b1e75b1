/** What a label value becomes once its label is full. */
const OTHER = 'other';

/** Labels whose values come from tenants; all others have few values by construction. */
export const OPEN_LABELS: readonly string[] = ['tenant', 'deployment', 'adapter', 'arm'];

/** A value that was not used for so long gives way to a new one. Shorter, and many values in turn would never rest. */
const IDLE_MS = 10 * 60_000;

export interface LabelLimitOptions {
  readonly maxValues: number;
  readonly monotonicMs: () => number;
  /** A value became `other`. */
  readonly onOverflow: (label: string) => void;
  /** A value was forgotten, and so must be the series that have it. */
  readonly onForgotten: (label: string, value: string) => void;
}

export interface BoundedLabels {
  readonly labels: Record<string, string>;
  /** Some value became `other`: several things share this series. */
  readonly shared: boolean;
}

/**
 * Bounds the distinct values of each open label, so that no tenant can grow the metrics without end. Where a label is
 * full, a new value takes the place of the one that was idle for longest, as old versions of an adapter are; only where
 * all are in use does it become `other`.
 */
export function createLabelLimit({ maxValues, monotonicMs, onOverflow, onForgotten }: LabelLimitOptions) {
  /** When each value was last used, the longest idle first. */
  const seen = new Map<string, Map<string, number>>();
  return (labels: Readonly<Record<string, string>>): BoundedLabels => {
    const bounded: Record<string, string> = {};
    let shared = false;
    for (const [label, value] of Object.entries(labels)) {
      const kept = !OPEN_LABELS.includes(label) || hasRoom(label, value);
      bounded[label] = kept ? value : OTHER;
      if (!kept) shared = true;
    }
    return { labels: bounded, shared };
  };

  function hasRoom(label: string, value: string): boolean {
    const values = seen.get(label) ?? new Map<string, number>();
    seen.set(label, values);
    const nowMs = monotonicMs();
    if (!values.delete(value) && values.size >= maxValues && !forgetIdle(label, values, nowMs)) {
      onOverflow(label);
      return false;
    }
    values.set(value, nowMs);
    return true;
  }

  function forgetIdle(label: string, values: Map<string, number>, nowMs: number): boolean {
    const [idle, usedMs] = values.entries().next().value!;
    if (nowMs - usedMs < IDLE_MS) return false;
    values.delete(idle);
    onForgotten(label, idle);
    return true;
  }
}
