/** OpenMetrics, which has what Prometheus' own text format has no place for: exemplars, the way from a slow bucket to a trace. */

export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** A traced observation. */
interface Exemplar {
  readonly traceId: string;
  readonly value: number;
  readonly atMs: number;
}

export interface Exemplars {
  /** Keeps it as the newest of its bucket. @param labels in the order of the metric's own */
  note(metric: string, buckets: readonly number[], labels: readonly string[], exemplar: Exemplar): void;
  /** @param text in Prometheus' format, as prom-client writes it */
  toOpenMetrics(text: string): string;
  /** Of series that are gone. */
  clear(): void;
}

const BUCKET = /^(\w+)_bucket\{le="([^"]+)",?(.*)\} /;
const VALUE = /="((?:[^"\\]|\\.)*)"/g;

export function createExemplars(): Exemplars {
  const newest = new Map<string, Exemplar>();
  const idOf = (metric: string, bound: string, labels: readonly string[]) => [metric, bound, ...labels].join('\n');

  function exemplarOf(line: string): string {
    const match = BUCKET.exec(line);
    if (match === null) return '';
    const [, metric, bound, labels] = match;
    const values = [...labels!.matchAll(VALUE)].map(([, value]) => value!);
    const exemplar = newest.get(idOf(metric!, bound!, values));
    if (exemplar === undefined) return '';
    return ` # {trace_id="${exemplar.traceId}"} ${exemplar.value} ${exemplar.atMs / 1000}`;
  }

  return {
    note(metric, buckets, labels, exemplar) {
      const bound = buckets.find((most) => exemplar.value <= most);
      newest.set(idOf(metric, bound === undefined ? '+Inf' : String(bound), labels), exemplar);
    },

    toOpenMetrics(text) {
      const lines = text.split('\n').filter((line) => line !== '');
      const counters = new Set(lines.flatMap((line) => /^# TYPE (\w+)_total counter$/.exec(line)?.[1] ?? []));
      const written = lines.map((line) => {
        const [, what, name, rest] = /^# (HELP|TYPE) (\w+?)_total( .*)$/.exec(line) ?? [];
        // A counter's family is called without what its samples end with.
        if (name !== undefined && counters.has(name)) return `# ${what} ${name}${rest}`;
        return newest.size === 0 ? line : line + exemplarOf(line);
      });
      return `${written.join('\n')}\n# EOF\n`;
    },

    clear: () => newest.clear(),
  };
}
