import { LRUCache } from 'lru-cache';
import type { AnswerSignals } from '../contracts/quality.js';
import type { AnswerRecord, Registry } from '../contracts/registry.js';
import type { Metrics } from '../metrics/metrics.js';
import { readBaseline, writeBaseline } from './baseline-text.js';
import { DriftMonitor } from './monitor.js';

/** Deployments that are watched at once; the baseline of one that comes back is read again. */
const MAX_WATCHED = 256;

export interface DriftOptions {
  readonly baselines: Pick<Registry, 'getBaseline' | 'putBaseline'>;
  readonly metrics: Metrics;
  /** Told when something changed. @param of what: `topic 3`, `refusals`, `low_groundedness` */
  readonly onDrift: (tenant: string, deployment: string, of: string) => void;
}

/** Compares what comes with the baseline of its deployment. @returns the topic of the question; null: no baseline yet */
export type WatchDrift = (
  record: AnswerRecord,
  signals: AnswerSignals,
  question: Float32Array,
) => Promise<number | null>;

export function createDriftWatch({ baselines, metrics, onDrift }: DriftOptions): WatchDrift {
  const monitors = new LRUCache<string, DriftMonitor>({ max: MAX_WATCHED });
  const monitorOf = async (tenant: string, deployment: string): Promise<DriftMonitor> => {
    const key = `${tenant} ${deployment}`;
    const known = monitors.get(key);
    if (known !== undefined) return known;
    const kept = await baselines.getBaseline(tenant, deployment);
    const monitor = new DriftMonitor(kept === null ? null : readBaseline(kept));
    monitors.set(key, monitor);
    return monitor;
  };

  return async ({ tenant, deployment }, signals, question) => {
    const monitor = await monitorOf(tenant, deployment);
    const had = monitor.baseline;
    const { psi, alarms } = monitor.add(signals, question);
    if (had === null && monitor.baseline !== null) {
      await baselines.putBaseline(tenant, deployment, writeBaseline(monitor.baseline));
    }
    for (const [of, value] of Object.entries(psi ?? {})) {
      metrics.set('query_drift_psi', { tenant, deployment, of }, value);
    }
    for (const of of alarms) {
      metrics.add('drift_alarms_total', { tenant, deployment, of: of.replace(/ .*/, '') });
      onDrift(tenant, deployment, of);
    }
    return had && monitor.topicOf(question);
  };
}
