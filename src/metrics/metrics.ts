import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../contracts/clock.js';
import { createLabelLimit, OPEN_LABELS } from './label-limit.js';
import { createSeriesIndex } from './series.js';
import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  METRIC_PREFIX,
  METRICS,
  type MetricName,
  type MetricSpec,
} from './table.js';

/** The process' metrics: names and labels are checked against the table by the compiler. */
export interface Metrics {
  add<N extends CounterName>(name: N, labels: LabelsOf<N>, amount?: number): void;
  set<N extends GaugeName>(name: N, labels: LabelsOf<N>, value: number): void;
  /** Durations in seconds. */
  observe<N extends HistogramName>(name: N, labels: LabelsOf<N>, value: number): void;
  /** Forgets all values of a gauge whose label sets come and go. */
  clear(name: GaugeName): void;
  /** Runs before every exposition, to read gauges. */
  beforeScrape(collect: () => void | Promise<void>): void;
  /** Prometheus' text format. */
  render(): Promise<string>;
  readonly contentType: string;
}

/** Gauges that prom-client names like counters, which `promtool check metrics` rejects. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export function createMetrics(
  config: { readonly maxLabelValues: number },
  { monotonicMs }: Pick<Clock, 'monotonicMs'>,
): Metrics {
  const registry = new Registry();
  const collectors: (() => void | Promise<void>)[] = [];
  const counters = new Map<MetricName, Counter>();
  const gauges = new Map<MetricName, Gauge>();
  const histograms = new Map<MetricName, Histogram>();

  for (const [name, spec] of Object.entries(METRICS) as [MetricName, MetricSpec][]) {
    const options = {
      name: METRIC_PREFIX + name,
      help: spec.help,
      labelNames: [...spec.labels],
      registers: [registry],
    };
    if (spec.type === 'counter') counters.set(name, new Counter(options));
    else if (spec.type === 'gauge') gauges.set(name, new Gauge(options));
    else histograms.set(name, new Histogram({ ...options, buckets: [...spec.buckets!] }));
  }
  collectDefaultMetrics({ register: registry, prefix: METRIC_PREFIX });
  for (const name of MISNAMED) registry.removeSingleMetric(METRIC_PREFIX + name);

  const series = createSeriesIndex(OPEN_LABELS);
  const bounded = createLabelLimit({
    maxValues: config.maxLabelValues,
    monotonicMs,
    onOverflow: (label) => counters.get('label_overflow_total')!.inc({ label }),
    onForgotten: series.forget,
  });
  const note = <M extends Counter | Gauge | Histogram>(name: MetricName, metric: M, labels: Record<string, string>) => {
    series.note(name, metric, labels);
    return metric;
  };

  return {
    add: (name, given, amount = 1) => {
      const { labels } = bounded(given);
      note(name, counters.get(name)!, labels).inc(labels, amount);
    },
    set: (name, given, value) => {
      const { labels, shared } = bounded(given);
      // Counts of several things add up; states of several things would only overwrite each other.
      if (!shared) note(name, gauges.get(name)!, labels).set(labels, value);
    },
    observe: (name, given, value) => {
      const { labels } = bounded(given);
      note(name, histograms.get(name)!, labels).observe(labels, value);
    },
    clear: (name) => gauges.get(name)!.reset(),
    beforeScrape: (collect) => {
      collectors.push(collect);
    },
    render: async () => {
      for (const collect of collectors) await collect();
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}
