/** What a gateway does now, from two looks at its metrics. Runs in a browser too. */
import { readExposition, type Sample, type Samples, samplesOf, sumOf } from './exposition.js';
import type { MetricName } from './table.js';

export interface Scrape {
  readonly atMs: number;
  readonly samples: Samples;
}

/** Traffic of one version of one deployment; rates are null at the first look. */
export interface Traffic {
  readonly tenant: string;
  readonly deployment: string;
  readonly adapter: string;
  readonly arm: string;
  readonly requests: number;
  readonly requestsPerS: number | null;
  readonly tokensPerS: number | null;
  /** Median since the look before; null without an answer. */
  readonly firstTokenS: number | null;
}

/** Of one engine. */
export interface EngineLoad {
  readonly engine: string;
  readonly ready: boolean;
  readonly slots: number;
  readonly slotsInUse: number;
  readonly queued: number;
}

export interface Live {
  readonly atMs: number;
  readonly requestsPerS: number | null;
  /** Neither completed, nor refused by a policy, nor hung up. */
  readonly errorsPerS: number | null;
  readonly promptTokensPerS: number | null;
  readonly completionTokensPerS: number | null;
  readonly firstTokenP50S: number | null;
  readonly firstTokenP95S: number | null;
  /** Of all engines, here and below. */
  readonly slots: number;
  readonly slotsInUse: number;
  readonly queued: number;
  readonly engines: readonly EngineLoad[];
  readonly adaptersResident: number;
  readonly passages: number;
  readonly ingestQueue: number;
  /** Resident memory of the gateway and its child processes. */
  readonly rssBytes: number;
  /** Names of parts that do not do all of their work. */
  readonly notReady: readonly string[];
  /** The busiest first. */
  readonly traffic: readonly Traffic[];
}

const full = (name: MetricName): string => `switchyard_${name}`;
const GOOD_ENDS = new Set(['completed', 'aborted', 'refused']);

export function readScrape(text: string, atMs: number): Scrape {
  return { atMs, samples: readExposition(text) };
}

/** @param before null: there was no look before, so there are no rates */
export function readLive(before: Scrape | null, now: Scrape): Live {
  const rate = (name: MetricName, labels: Readonly<Record<string, string>> = {}) =>
    perSecond(before, now, name, labels);
  const gauge = (name: MetricName) => sumOf(now.samples, full(name));
  return {
    atMs: now.atMs,
    requestsPerS: rate('requests_total'),
    errorsPerS: errorsPerSecond(before, now),
    promptTokensPerS: rate('tokens_total', { direction: 'prompt' }),
    completionTokensPerS: rate('tokens_total', { direction: 'completion' }),
    firstTokenP50S: quantileSince(before, now, 'time_to_first_token_seconds', 0.5),
    firstTokenP95S: quantileSince(before, now, 'time_to_first_token_seconds', 0.95),
    slots: gauge('kv_slots'),
    slotsInUse: gauge('kv_slots_in_use'),
    queued: gauge('engine_queue_length'),
    engines: samplesOf(now.samples, full('kv_slots')).map(({ labels, value: slots }) => {
      const of = (name: MetricName) => sumOf(now.samples, full(name), labels);
      const load = { slots, slotsInUse: of('kv_slots_in_use'), queued: of('engine_queue_length') };
      return { engine: labels.engine!, ready: of('engine_up') === 1, ...load };
    }),
    adaptersResident: gauge('adapters_resident'),
    passages: gauge('passages'),
    ingestQueue: gauge('ingest_queue_length'),
    rssBytes: gauge('child_resident_memory_bytes') + sumOf(now.samples, 'switchyard_process_resident_memory_bytes'),
    notReady: samplesOf(now.samples, full('check_ready'))
      .filter(({ value }) => value === 0)
      .map(({ labels }) => labels.check!),
    traffic: readTraffic(before, now),
  };
}

/**
 * The quantile of a histogram's observations since `before`, by linear interpolation within its bucket as Prometheus does;
 * null where there were none.
 */
function quantileSince(
  before: Scrape | null,
  now: Scrape,
  name: MetricName,
  q: number,
  labels: Readonly<Record<string, string>> = {},
): number | null {
  if (before === null) return null;
  const counts = cumulative(now, name, labels);
  const earlier = cumulative(before, name, labels);
  const buckets = [...counts.keys()]
    .sort((a, b) => a - b)
    .map((bound) => ({ bound, count: counts.get(bound)! - (earlier.get(bound) ?? 0) }));
  const total = buckets.at(-1)?.count ?? 0;
  // A gateway that was started anew counts from 0 again.
  if (total <= 0) return null;
  const rank = q * total;
  const at = buckets.findIndex(({ count }) => count >= rank);
  const lower = at === 0 ? { bound: 0, count: 0 } : buckets[at - 1]!;
  const { bound, count } = buckets[at]!;
  if (bound === Number.POSITIVE_INFINITY) return lower.bound;
  return lower.bound + ((bound - lower.bound) * (rank - lower.count)) / (count - lower.count);
}

function cumulative({ samples }: Scrape, name: MetricName, labels: Readonly<Record<string, string>>) {
  const counts = new Map<number, number>();
  for (const sample of samplesOf(samples, `${full(name)}_bucket`, labels)) {
    const bound = sample.labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(sample.labels.le);
    counts.set(bound, (counts.get(bound) ?? 0) + sample.value);
  }
  return counts;
}

function perSecond(
  before: Scrape | null,
  now: Scrape,
  name: MetricName,
  labels: Readonly<Record<string, string>>,
): number | null {
  if (before === null) return null;
  return toRate(sumOf(now.samples, full(name), labels) - sumOf(before.samples, full(name), labels), before, now);
}

function toRate(growth: number, before: Scrape, now: Scrape): number {
  return (Math.max(0, growth) * 1000) / (now.atMs - before.atMs);
}

function errorsPerSecond(before: Scrape | null, now: Scrape): number | null {
  if (before === null) return null;
  const errors = ({ samples }: Scrape) =>
    samplesOf(samples, full('requests_total'))
      .filter(({ labels }) => !GOOD_ENDS.has(labels.outcome!))
      .reduce((sum, { value }) => sum + value, 0);
  return toRate(errors(now) - errors(before), before, now);
}

function readTraffic(before: Scrape | null, now: Scrape): Traffic[] {
  const arms = new Map<string, Readonly<Record<string, string>>>();
  for (const { labels } of samplesOf(now.samples, full('requests_total'))) {
    const { tenant, deployment, adapter, arm } = labels as Sample['labels'] & Record<string, string>;
    arms.set(JSON.stringify([tenant, deployment, adapter, arm]), {
      tenant,
      deployment,
      adapter,
      arm,
    } as Sample['labels']);
  }
  const rows = [...arms.values()].map((labels) => ({
    ...(labels as unknown as Pick<Traffic, 'tenant' | 'deployment' | 'adapter' | 'arm'>),
    requests: sumOf(now.samples, full('requests_total'), labels),
    requestsPerS: perSecond(before, now, 'requests_total', labels),
    tokensPerS: perSecond(before, now, 'tokens_total', labels),
    firstTokenS: quantileSince(before, now, 'time_to_first_token_seconds', 0.5, labels),
  }));
  return rows.sort((a, b) => (b.tokensPerS ?? 0) - (a.tokensPerS ?? 0) || b.requests - a.requests);
}
