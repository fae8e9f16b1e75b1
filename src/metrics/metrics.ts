import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import type { Clock } from '../contracts/clock.js';
import { Family, type Labels, type Series } from './family.js';
import { KnownSeries } from './known-series.js';
import { createLabelLimit, OPEN_LABELS } from './label-limit.js';
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
  const families = new Map<MetricName, Family>();

  for (const [name, spec] of Object.entries(METRICS) as [MetricName, MetricSpec][]) {
    const family = new Family(METRIC_PREFIX + name, spec);
    families.set(name, family);
    // All that it asks of a metric is its name and what it comes to.
    registry.registerMetric(family as unknown as Metric);
  }
  collectDefaultMetrics({ register: registry, prefix: METRIC_PREFIX });
  for (const name of MISNAMED) registry.removeSingleMetric(METRIC_PREFIX + name);

  const index = createSeriesIndex(OPEN_LABELS);
  const exemplars = createExemplars();
  const bounded = createLabelLimit({
    maxValues: config.maxLabelValues,
    monotonicMs,
    onOverflow: (label) => {
      families.get('label_overflow_total')!.of({ label }).value += 1;
    },
    onForgotten: (label, value) => {
      index.forget(label, value);
      known.clear();
      exemplars.clear();
    },
  });
  /** To bound labels and to find their series takes longer than to count (decision 0086). */
  const known = new KnownSeries();
  let knownSinceMs = Number.NEGATIVE_INFINITY;

  /** null: a state of several things, which would only overwrite each other. */
  function seriesOf(name: MetricName, family: Family, given: Labels): Series | null {
    const nowMs = monotonicMs();
    if (nowMs - knownSinceMs >= KNOWN_MS) {
      known.clear();
      knownSinceMs = nowMs;
    }
    const names = METRICS[name].labels;
    const found = known.find(name, names, given);
    if (found !== undefined) return found;
    const { labels, shared } = bounded(given);
    // Counts of several things add up.
    if (shared && family.type === 'gauge') return null;
    const series = family.of(labels);
    index.note(name, family, labels);
    // Each one that became `other` counts.
    if (!shared) known.note(name, names, given, series);
    return series;
  }

  async function render(): Promise<string> {
    for (const collect of collectors) await collect();
    return registry.metrics();
  }

  return {
    add: (name, given, amount = 1) => {
      seriesOf(name, families.get(name)!, given)!.value += amount;
    },
    set: (name, given, value) => {
      const series = seriesOf(name, families.get(name)!, given);
      if (series !== null) series.value = value;
    },
    observe: (name, given, value, traceId) => {
      const family = families.get(name)!;
      const series = seriesOf(name, family, given)!;
      family.observe(series, value);
      if (traceId === undefined) return;
      const spec: MetricSpec = METRICS[name];
      const values = spec.labels.map((label) => series.labels[label]!);
      exemplars.note(METRIC_PREFIX + name, spec.buckets!, values, { traceId, value, atMs: now() });
    },
    clear: (name) => {
      families.get(name)!.reset();
      known.clear();
    },
    beforeScrape: (collect) => {
      collectors.push(collect);
    },
    render,
    renderOpenMetrics: async () => exemplars.toOpenMetrics(await render()),
    contentType: registry.contentType,
  };
}
