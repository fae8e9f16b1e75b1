import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { createLabelLimit } from './label-limit.js';
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

export function createMetrics(config: { readonly maxLabelValues: number }): Metrics {
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

  const bounded = createLabelLimit(config.maxLabelValues, (label) =>
    counters.get('label_overflow_total')!.inc({ label }),
  );

  return {
    add: (name, labels, amount = 1) => counters.get(name)!.inc(bounded(labels), amount),
    set: (name, labels, value) => gauges.get(name)!.set(bounded(labels), value),
    observe: (name, labels, value) => histograms.get(name)!.observe(bounded(labels), value),
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
