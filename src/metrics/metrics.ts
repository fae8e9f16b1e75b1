import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../contracts/clock.js';
import { type BoundedLabels, createLabelLimit, OPEN_LABELS } from './label-limit.js';
import { createExemplars } from './open-metrics.js';
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
  /** Durations in seconds. @param traceId of the trace that it is a part of */
  observe<N extends HistogramName>(name: N, labels: LabelsOf<N>, value: number, traceId?: string): void;
  /** Forgets all values of a gauge whose label sets come and go. */
  clear(name: GaugeName): void;
  /** Runs before every exposition, to read gauges. */
  beforeScrape(collect: () => void | Promise<void>): void;
  /** Prometheus' text format. */
  render(): Promise<string>;
  /** With exemplars of what was traced. */
  renderOpenMetrics(): Promise<string>;
  readonly contentType: string;
}

/** How long the labels of a series are not looked at again: much shorter than a value may be idle. */
const KNOWN_MS = 1000;

/** Gauges that prom-client names like counters, which `promtool check metrics` rejects. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export function createMetrics(config: { readonly maxLabelValues: number }, { monotonicMs, now }: Clock): Metrics {
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
  const exemplars = createExemplars();
  const bounded = createLabelLimit({
    maxValues: config.maxLabelValues,
    monotonicMs,
    onOverflow: (label) => counters.get('label_overflow_total')!.inc({ label }),
    onForgotten: (label, value) => {
      series.forget(label, value);
      known.clear();
      exemplars.clear();
    },
  });
  /** What was found of labels a moment ago: to bound and to note them takes longer than to count (decision 0086). */
  const known = new Map<string, BoundedLabels>();
  let knownSinceMs = Number.NEGATIVE_INFINITY;

  function labelsOf(name: MetricName, metric: Counter | Gauge | Histogram, given: Record<string, string>) {
    const nowMs = monotonicMs();
    if (nowMs - knownSinceMs >= KNOWN_MS) {
      known.clear();
      knownSinceMs = nowMs;
    }
    let id: string = name;
    for (const label of METRICS[name].labels) id += `\n${given[label]}`;
    const found = known.get(id);
    if (found !== undefined) return found;
    const fresh = bounded(given);
    // Each one that became `other` counts.
    if (!fresh.shared) known.set(id, fresh);
    // Counts of several things add up; states of several things would only overwrite each other.
    if (!fresh.shared || !(metric instanceof Gauge)) series.note(name, metric, fresh.labels);
    return fresh;
  }

  async function render(): Promise<string> {
    for (const collect of collectors) await collect();
    return registry.metrics();
  }

  return {
    add: (name, given, amount = 1) => {
      const counter = counters.get(name)!;
      counter.inc(labelsOf(name, counter, given).labels, amount);
    },
    set: (name, given, value) => {
      const gauge = gauges.get(name)!;
      const { labels, shared } = labelsOf(name, gauge, given);
      if (!shared) gauge.set(labels, value);
    },
    observe: (name, given, value, traceId) => {
      const histogram = histograms.get(name)!;
      const { labels } = labelsOf(name, histogram, given);
      histogram.observe(labels, value);
      if (traceId === undefined) return;
      const spec: MetricSpec = METRICS[name];
      const values = spec.labels.map((label) => labels[label]!);
      exemplars.note(METRIC_PREFIX + name, spec.buckets!, values, { traceId, value, atMs: now() });
    },
    clear: (name) => gauges.get(name)!.reset(),
    beforeScrape: (collect) => {
      collectors.push(collect);
    },
    render,
    renderOpenMetrics: async () => exemplars.toOpenMetrics(await render()),
    contentType: registry.contentType,
  };
}
