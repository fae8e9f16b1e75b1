import { LRUCache } from 'lru-cache';
import type { Clock } from '../contracts/clock.js';
import type { AnswerSignals } from '../contracts/quality.js';
import type { AnswerRecord, Registry } from '../contracts/registry.js';
import type { Metrics } from '../metrics/metrics.js';
import { readBaseline, writeBaseline } from './baseline-text.js';
import { DISTRIBUTIONS, DriftMonitor } from './monitor.js';

/** Deployments that are watched at once; the baseline of one that comes back is read again. */
const MAX_WATCHED = 256;
const DAY_MS = 24 * 3600 * 1000;

export interface DriftOptions {
  readonly baselines: Pick<Registry, 'baselineTime' | 'getBaseline' | 'putBaseline'>;
  /** Age at which the next baseline is gathered, in days; 0: a baseline stays until somebody resets it. */
  readonly baselineDays: number;
  readonly clock: Pick<Clock, 'now'>;
  readonly metrics: Metrics;
  /** Told when something changed. @param of what: `topic 3`, `refusals`, `low_groundedness` */
  readonly onDrift: (tenant: string, deployment: string, of: string) => void;
}

interface Watched {
  readonly monitor: DriftMonitor;
  /** Of its baseline; null: it is being gathered. */
  createdAt: number | null;
}

/** Compares what comes with the baseline of its deployment. @returns the topic of the question; null: no baseline yet */
export type WatchDrift = (
  record: AnswerRecord,
  signals: AnswerSignals,
  question: Float32Array,
) => Promise<number | null>;

export function createDriftWatch({ baselines, baselineDays, clock, metrics, onDrift }: DriftOptions): WatchDrift {
  const watched = new LRUCache<string, Watched>({ max: MAX_WATCHED });
  /** One of before a reset, or of before another gateway kept a baseline, gives way. */
  const watchedOf = async (tenant: string, deployment: string): Promise<Watched> => {
    const key = `${tenant} ${deployment}`;
    const known = watched.get(key);
    if (known !== undefined && known.createdAt === (await baselines.baselineTime(tenant, deployment))) return known;
    const kept = await baselines.getBaseline(tenant, deployment);
    const fresh = {
      monitor: new DriftMonitor(kept && readBaseline(kept.text)),
      createdAt: kept?.createdAt ?? null,
    };
    watched.set(key, fresh);
    if (known !== undefined) sayNothing(tenant, deployment);
    return fresh;
  };
  /** Until there are enough answers: an alert about what was before ends. */
  const sayNothing = (tenant: string, deployment: string) => {
    for (const of of DISTRIBUTIONS) metrics.set('query_drift_psi', { tenant, deployment, of }, Number.NaN);
  };
  const isOld = ({ createdAt }: Watched) =>
    baselineDays > 0 && createdAt !== null && clock.now() - createdAt >= baselineDays * DAY_MS;

  return async ({ tenant, deployment }, signals, question) => {
    const own = await watchedOf(tenant, deployment);
    const { monitor } = own;
    if (isOld(own)) monitor.renew();
    const had = monitor.baseline;
    const { psi, alarms } = monitor.add(signals, question);
    if (monitor.baseline !== null && monitor.baseline !== had) {
      own.createdAt = await baselines.putBaseline(tenant, deployment, writeBaseline(monitor.baseline));
    }
    for (const [of, value] of Object.entries(psi ?? {})) {
      metrics.set('query_drift_psi', { tenant, deployment, of }, value);
    }
    for (const of of alarms) {
      metrics.add('drift_alarms_total', { tenant, deployment, of: of.replace(/ .*/, '') });
      onDrift(tenant, deployment, of);
    }
    if (had !== null && monitor.baseline !== had) sayNothing(tenant, deployment);
    return had && monitor.topicOf(question);
  };
}
