/**
 * Every alert. One is written to `deploy/prometheus/alerts.yaml` once all metrics that it names are in the table; each
 * has a runbook, `docs/runbooks/NAME.md`.
 */
import { burnRateAlerts } from './objectives.js';
import { FAULTS, metric } from './queries.js';

export interface Alert {
  readonly name: string;
  readonly expr: string;
  /** How long it must be true. */
  readonly for: string;
  /** `page`: somebody gets up. `ticket`: somebody looks at it in working hours. */
  readonly severity: 'page' | 'ticket';
  /** One sentence, in Prometheus' templates. */
  readonly summary: string;
  readonly description?: string;
}

const ADAPTER = 'tenant, deployment, adapter';
/** Answers of one arm in a window. */
const answers = (arm: string, window: string, more = '') =>
  `sum by (${ADAPTER}) (increase(${metric('requests_total')}{arm="${arm}"${more}}[${window}]))`;
const firstToken = (arm: string) =>
  `histogram_quantile(0.95, sum by (${ADAPTER}, le) (rate(${metric('time_to_first_token_seconds', '_bucket')}{arm="${arm}"}[30m])))`;
/** Sides of a canary: many adapters of the deployment may be its stable one in the window; each is compared. */
const AGAINST_STABLE = 'on (tenant, deployment) group_left ()';
const worstStable = (query: string) => `max by (tenant, deployment) (${query})`;
const topScore = (offset: string) =>
  ['_sum', '_count']
    .map((of) => `sum by (tenant, deployment) (increase(${metric('retrieval_top_score', of as '_sum')}[6h]${offset}))`)
    .join(' / ');

const grounded = (of: '_sum' | '_count') =>
  `sum by (tenant, deployment) (increase(${metric('answer_groundedness', of)}[1h]))`;

const SERVICE: readonly Alert[] = [
  {
    name: 'SwitchyardDown',
    expr: 'up{job="switchyard"} == 0 or absent(up{job="switchyard"})',
    for: '2m',
    severity: 'page',
    summary: 'The gateway {{ $labels.instance }} does not answer when its metrics are read.',
  },
  {
    name: 'SwitchyardNotReady',
    expr: `${metric('check_ready')}{check=~"engine|tokenizer|retrieval"} == 0`,
    for: '2m',
    severity: 'page',
    summary: 'The {{ $labels.check }} of {{ $labels.instance }} cannot serve.',
  },
  {
    name: 'SwitchyardStorageTrouble',
    expr: `${metric('check_ready')}{check="storage"} == 0`,
    for: '1m',
    severity: 'page',
    summary: 'The data folder of {{ $labels.instance }} cannot be written to.',
  },
  {
    name: 'SwitchyardChildRestarts',
    expr: `increase(${metric('child_restarts_total')}[30m]) > 2`,
    for: '0m',
    severity: 'page',
    summary:
      'The {{ $labels.process }} process of {{ $labels.instance }} was started anew {{ $value | humanize }} times in half an hour.',
  },
  {
    name: 'SwitchyardDiskNearlyFull',
    expr: `${metric('disk_free_bytes')} / ${metric('disk_size_bytes')} < 0.1`,
    for: '10m',
    severity: 'page',
    summary: '{{ $value | humanizePercentage }} of the disk with the data folder of {{ $labels.instance }} are free.',
  },
  {
    name: 'SwitchyardDiskFillsUp',
    expr: `predict_linear(${metric('disk_free_bytes')}[6h], 86400) < 0`,
    for: '1h',
    severity: 'ticket',
    summary: 'The disk with the data folder of {{ $labels.instance }} is full within a day if it goes on like this.',
  },
  {
    name: 'SwitchyardBackupOld',
    expr: `${metric('backup_interval_seconds')} > 0 and time() - ${metric('backup_last_success_timestamp_seconds')} > 2 * ${metric('backup_interval_seconds')}`,
    for: '15m',
    severity: 'ticket',
    summary: 'The last good backup of {{ $labels.instance }} is older than two pauses between backups.',
  },
  {
    name: 'SwitchyardShedding',
    expr: `sum by (tenant) (rate(${metric('requests_total')}{outcome="queue_full"}[10m])) / sum by (tenant) (rate(${metric('requests_total')}[10m])) > 0.02`,
    for: '10m',
    severity: 'page',
    summary:
      '{{ $value | humanizePercentage }} of the answers of {{ $labels.tenant }} are refused because too much is waiting.',
  },
  {
    name: 'SwitchyardSlotsSaturated',
    expr: `avg_over_time(${metric('kv_slots_in_use')}[15m]) / ${metric('kv_slots')} > 0.9 and avg_over_time(${metric('engine_queue_length')}[15m]) > 1`,
    for: '15m',
    severity: 'ticket',
    summary:
      '{{ $value | humanizePercentage }} of the slots of {{ $labels.engine }} at {{ $labels.instance }} are in use, and requests wait.',
  },
  {
    name: 'SwitchyardEventLoopSlow',
    expr: 'switchyard_nodejs_eventloop_lag_p99_seconds > 0.25',
    for: '10m',
    severity: 'ticket',
    summary:
      'The gateway {{ $labels.instance }} is late by {{ $value | humanizeDuration }} (p99): every stream waits for that.',
  },
  {
    name: 'SwitchyardLabelsFull',
    expr: `increase(${metric('label_overflow_total')}[1h]) > 0`,
    for: '0m',
    severity: 'ticket',
    summary:
      'More values of the label {{ $labels.label }} are in use than metrics keep apart; the others are counted as "other".',
  },
];

const DOCUMENTS: readonly Alert[] = [
  {
    name: 'SwitchyardIngestStuck',
    expr: `min_over_time(${metric('ingest_queue_length')}[30m]) > 0 unless sum without (outcome) (increase(${metric('ingest_files_total')}[30m])) > 0`,
    for: '5m',
    severity: 'ticket',
    summary: 'Files wait to be read on {{ $labels.instance }}, and none was read for half an hour.',
  },
  {
    name: 'SwitchyardIngestBacklog',
    expr: `${metric('ingest_queue_length')} > 3600 * sum without (outcome) (rate(${metric('ingest_files_total')}[30m])) > 0`,
    for: '30m',
    severity: 'ticket',
    summary: '{{ $value }} files wait to be read on {{ $labels.instance }}: more than an hour of work.',
  },
  {
    name: 'SwitchyardIngestFails',
    expr: `sum without (outcome) (increase(${metric('ingest_files_total')}{outcome="failed"}[1h])) / sum without (outcome) (increase(${metric('ingest_files_total')}[1h])) > 0.1 and sum without (outcome) (increase(${metric('ingest_files_total')}[1h])) >= 10`,
    for: '10m',
    severity: 'ticket',
    summary:
      '{{ $value | humanizePercentage }} of the files that {{ $labels.instance }} read in the last hour could not be read.',
  },
  {
    name: 'SwitchyardTopScoresFall',
    expr: `${topScore('')} < 0.7 * (${topScore(' offset 1w')}) and sum by (tenant, deployment) (increase(${metric('retrieval_top_score', '_count')}[6h])) >= 50`,
    for: '30m',
    severity: 'ticket',
    summary:
      'The best passage for a question to {{ $labels.deployment }} of {{ $labels.tenant }} scores {{ printf "%.2f" $value }} on average; a week ago it was far more.',
  },
];

const ROLLOUTS: readonly Alert[] = [
  {
    name: 'SwitchyardCanaryErrors',
    expr: `${answers('canary', '30m', `,outcome=~"${FAULTS}"`)} / ${answers('canary', '30m')} > ${AGAINST_STABLE} (0.02 + 2 * ${worstStable(
      `(${answers('stable', '30m', `,outcome=~"${FAULTS}"`)} or 0 * ${answers('stable', '30m')}) / ${answers('stable', '30m')}`,
    )}) and ${answers('canary', '30m')} >= 20`,
    for: '5m',
    severity: 'page',
    summary:
      '{{ $value | humanizePercentage }} of the answers of the canary {{ $labels.adapter }} of {{ $labels.tenant }} fail, far more than of the stable version.',
  },
  {
    name: 'SwitchyardCanarySlow',
    expr: `${firstToken('canary')} > ${AGAINST_STABLE} (1.5 * ${worstStable(firstToken('stable'))}) and ${answers('canary', '30m')} >= 20`,
    for: '10m',
    severity: 'ticket',
    summary:
      'The first token of the canary {{ $labels.adapter }} of {{ $labels.tenant }} takes {{ $value | humanizeDuration }} (p95), half as long again as the stable version.',
  },
  {
    name: 'SwitchyardCanaryForgotten',
    expr: `min_over_time(${metric('canary_weight')}[7d]) > 0 and ${metric('canary_weight')} offset 7d > 0`,
    for: '1h',
    severity: 'ticket',
    summary:
      'The canary {{ $labels.adapter }} of {{ $labels.tenant }} has had traffic for a week and is neither promoted nor rolled back.',
  },
];

const QUALITY: readonly Alert[] = [
  {
    name: 'SwitchyardGroundednessFalls',
    expr: `${grounded('_sum')} / ${grounded('_count')} < 0.6 and ${grounded('_count')} >= 20`,
    for: '5m',
    severity: 'ticket',
    summary:
      'Answers of {{ $labels.deployment }} of {{ $labels.tenant }} hardly stand on their passages: groundedness {{ printf "%.2f" $value }} over the last hour.',
  },
  {
    name: 'SwitchyardQuestionsDrift',
    expr: `max by (tenant, deployment, of) (${metric('query_drift_psi')}) > 0.25`,
    for: '1h',
    severity: 'ticket',
    summary:
      'The {{ $labels.of }} of {{ $labels.deployment }} of {{ $labels.tenant }} are no longer those of its baseline: stability index {{ printf "%.2f" $value }}.',
  },
  {
    name: 'SwitchyardCanaryWorse',
    expr: `max by (${ADAPTER}) (${metric('canary_verdict')}) == -1 and on (${ADAPTER}) max by (${ADAPTER}) (${metric('canary_weight')}) > 0`,
    for: '10m',
    severity: 'page',
    summary:
      'The canary {{ $labels.adapter }} of {{ $labels.deployment }} of {{ $labels.tenant }} is proven worse, and still has traffic.',
  },
];

export const ALERTS: readonly Alert[] = [...SERVICE, ...burnRateAlerts(), ...DOCUMENTS, ...ROLLOUTS, ...QUALITY];
