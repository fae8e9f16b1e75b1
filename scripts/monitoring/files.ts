/** The files of `deploy/` that are made from the tables: rules and alerts of Prometheus, dashboards of Grafana. */
import { stringify } from 'yaml';
import { METRIC_PREFIX, METRICS } from '../../src/metrics/table.js';
import { ALERTS, type Alert } from './alerts.js';
import { dashboards } from './dashboards.js';
import { recordingRules } from './objectives.js';
import { metricsIn } from './queries.js';

const HEADER = '# Made by `npm run generate` from scripts/monitoring and src/metrics/table.ts.\n';
const RUNBOOKS = 'docs/runbooks';

export const RULES_FILE = 'deploy/prometheus/rules/recording.yaml';
export const ALERTS_FILE = 'deploy/prometheus/rules/alerts.yaml';

/** Alerts whose metrics are all measured; the others wait for theirs. */
export const measured = (alerts: readonly Alert[]): Alert[] =>
  alerts.filter(({ expr }) => metricsIn(expr).every(isMeasured));

/** Text of each file, by its path in the repository. */
export function monitoringFiles(): Readonly<Record<string, string>> {
  const objectives = { name: 'switchyard-objectives', rules: recordingRules() };
  const alerts = { name: 'switchyard-alerts', rules: measured(ALERTS).map(toRule) };
  return {
    [RULES_FILE]: yaml({ groups: [objectives] }),
    [ALERTS_FILE]: yaml({ groups: [alerts] }),
    'deploy/kubernetes/components/monitoring/prometheusrule.yaml': yaml({
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: { name: 'switchyard', labels: { 'app.kubernetes.io/name': 'switchyard' } },
      spec: { groups: [objectives, alerts] },
    }),
    ...Object.fromEntries(
      dashboards().map((dashboard) => [
        `deploy/grafana/dashboards/${dashboard.uid}.json`,
        `${JSON.stringify(dashboard, null, 2)}\n`,
      ]),
    ),
  };
}

const yaml = (content: object): string => HEADER + stringify(content, { lineWidth: 0 });

function toRule({ name, expr, for: duration, severity, summary, description }: Alert) {
  const runbook = `${RUNBOOKS}/${name}.md`;
  return {
    alert: name,
    expr,
    for: duration,
    labels: { severity },
    annotations: { summary, ...(description && { description }), runbook },
  };
}

/** prom-client adds metrics of the process and of Node under our prefix. */
function isMeasured(name: string): boolean {
  return name.slice(METRIC_PREFIX.length) in METRICS || /^switchyard_(process|nodejs)_/.test(name);
}
