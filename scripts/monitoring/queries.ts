/** Names of metrics in queries: those of the table, as the compiler knows them, and what error codes count as ours. */
import { ERRORS, type ErrorSpec } from '../../src/errors/table.js';
import { METRIC_PREFIX, type MetricName } from '../../src/metrics/table.js';

/** The exposed name of a metric; `suffix` for the series of a histogram. */
export const metric = (name: MetricName, suffix: '' | '_bucket' | '_sum' | '_count' = ''): string =>
  METRIC_PREFIX + name + suffix;

/** Outcomes of an answer that are our fault: every error code with a status of 500 or more. */
export const FAULTS: string = (Object.entries(ERRORS) as [string, ErrorSpec][])
  .filter(([, { status }]) => status >= 500)
  .map(([code]) => code)
  .join('|');

/** Every metric of ours that a query names, without what a histogram adds to it. */
export function metricsIn(query: string): string[] {
  const names = [...query.matchAll(/\bswitchyard_[a-z0-9_]+/g)].map(([name]) => name);
  return [...new Set(names)].map((name) => name.replace(/_(bucket|sum|count)$/, ''));
}
