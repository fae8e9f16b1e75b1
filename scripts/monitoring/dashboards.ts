/**
 * Grafana's dashboards, made from the table of metrics: one panel a metric, drawn by its type, on every dashboard whose
 * subject it is about. A new metric has its panel with the next `npm run generate`.
 */
import { METRICS, type MetricName, type MetricSpec } from '../../src/metrics/table.js';
import { OBJECTIVES, recorded } from './objectives.js';
import { metric } from './queries.js';

interface Subject {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly holds: (name: string, spec: MetricSpec) => boolean;
  /** Labels that a reader chooses by, those of the table and `instance`. */
  readonly variables: readonly string[];
  /** Labels that its panels keep apart, where a metric has them. */
  readonly by: readonly string[];
}

const has =
  (label: string) =>
  (_name: string, { labels }: MetricSpec) =>
    labels.includes(label);
const isRetrieval = (name: string) => /^(retrieval|ingest|passages|index|jobs|query|answer_)/.test(name);

const SUBJECTS: readonly Subject[] = [
  {
    uid: 'switchyard-fleet',
    title: 'Switchyard: fleet',
    description: 'The machines: engine, processes, HTTP, disk.',
    holds: (name, spec) => !spec.labels.includes('tenant') && !isRetrieval(name),
    variables: ['instance'],
    by: ['engine', 'check', 'process', 'kind', 'outcome', 'route', 'status', 'label', 'instance'],
  },
  {
    uid: 'switchyard-tenant',
    title: 'Switchyard: tenants',
    description: 'What each tenant asks for, how long it waits and what it uses.',
    holds: has('tenant'),
    variables: ['tenant', 'deployment'],
    by: ['deployment', 'engine', 'outcome', 'direction', 'stage', 'rating'],
  },
  {
    uid: 'switchyard-adapter',
    title: 'Switchyard: adapters and canaries',
    description: 'Versions beside each other: the canary against the stable one.',
    holds: has('adapter'),
    variables: ['tenant', 'deployment', 'adapter'],
    by: ['adapter', 'arm', 'outcome', 'direction', 'rating'],
  },
  {
    uid: 'switchyard-retrieval',
    title: 'Switchyard: retrieval',
    description: 'Documents and passages: what is read, what is found, what answers stand on.',
    holds: isRetrieval,
    variables: ['tenant'],
    by: ['deployment', 'stage', 'kind', 'status', 'outcome'],
  },
];

const WIDTH = 12;
const HEIGHT = 8;
const DATASOURCE = { type: 'prometheus', uid: '$datasource' };

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}
interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string; readonly refId: string }[];
}

/** The dashboards, as Grafana reads them from files. */
export function dashboards(): Dashboard[] {
  return SUBJECTS.map((subject) => {
    const metrics = (Object.entries(METRICS) as [MetricName, MetricSpec][]).filter(([name, spec]) =>
      subject.holds(name, spec),
    );
    const panels = [
      ...(subject.uid === 'switchyard-tenant' ? OBJECTIVES.map(objectivePanel) : []),
      ...metrics.map(([name, spec]) => metricPanel(name, spec, subject)),
    ];
    return {
      uid: subject.uid,
      title: subject.title,
      description: subject.description,
      tags: ['switchyard'],
      schemaVersion: 39,
      editable: false,
      graphTooltip: 1,
      refresh: '30s',
      time: { from: 'now-1h', to: 'now' },
      links: [otherDashboards()],
      annotations: { list: [firingAlerts()] },
      templating: { list: [datasource(), ...subject.variables.map(variable)] },
      panels: panels.map((panel, index) => ({ id: index + 1, gridPos: place(index), ...panel })),
    };
  });
}

function metricPanel(name: MetricName, spec: MetricSpec, { variables, by }: Subject) {
  const labels = spec.labels as readonly string[];
  const chosen = variables.filter((label) => label === 'instance' || labels.includes(label));
  const selector = `{${chosen.map((label) => `${label}=~"$${label}"`).join(',')}}`;
  const kept = by.filter((label) => labels.includes(label) || label === 'instance');
  return graph(
    titleOf(name),
    spec.help,
    unitOf(name, spec),
    queriesOf(name, spec, selector === '{}' ? '' : selector, kept),
  );
}

function queriesOf(name: MetricName, { type }: MetricSpec, selector: string, by: readonly string[]) {
  const legend = by.map((label) => `{{${label}}}`).join(' ');
  const group = (labels: readonly string[]) => (labels.length === 0 ? '' : ` by (${labels.join(', ')})`);
  if (type === 'gauge') return [{ expr: `max${group(by)} (${metric(name)}${selector})`, legendFormat: legend || name }];
  if (type === 'counter') {
    const expr = `sum${group(by)} (rate(${metric(name)}${selector}[$__rate_interval]))`;
    return [{ expr, legendFormat: legend || name }];
  }
  const buckets = `sum${group([...by, 'le'])} (rate(${metric(name, '_bucket')}${selector}[$__rate_interval]))`;
  return [0.5, 0.95, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, ${buckets})`,
    legendFormat: `p${quantile * 100} ${legend}`.trim(),
  }));
}

function objectivePanel(objective: (typeof OBJECTIVES)[number]) {
  const query = (window: string) => ({
    expr: `${recorded(objective, window)}{tenant=~"$tenant",deployment=~"$deployment"}`,
    legendFormat: `${window} {{deployment}}`,
  });
  return graph(`Objective: ${objective.promise}`, 'Share of answers that are bad.', 'percentunit', [
    query('5m'),
    query('1h'),
  ]);
}

function graph(
  title: string,
  description: string,
  unit: string,
  queries: readonly { readonly expr: string; readonly legendFormat: string }[],
) {
  return {
    type: 'timeseries',
    title,
    description,
    datasource: DATASOURCE,
    fieldConfig: {
      defaults: { unit, custom: { fillOpacity: 8, lineWidth: 1, showPoints: 'never' } },
      overrides: [],
    },
    options: {
      legend: { showLegend: true, displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    targets: queries.map((query, index) => ({ ...query, datasource: DATASOURCE, refId: 'ABC'[index]! })),
  };
}

/** `time_to_first_token_seconds` is about the time to first token. */
function titleOf(name: string): string {
  const words = name.replace(/_(seconds|bytes|total)$/, '').replaceAll('_', ' ');
  return words[0]!.toUpperCase() + words.slice(1);
}

/** Grafana's name of a unit, from the end of a metric's name. */
function unitOf(name: string, { type }: MetricSpec): string {
  if (name.endsWith('_seconds')) return 's';
  if (name.endsWith('_bytes')) return 'bytes';
  if (name.endsWith('_weight')) return 'percent';
  return type === 'counter' ? 'cps' : 'short';
}

const place = (index: number) => ({ x: (index % 2) * WIDTH, y: Math.floor(index / 2) * HEIGHT, w: WIDTH, h: HEIGHT });

const datasource = () => ({ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus' });

function variable(label: string) {
  const source = label === 'instance' ? metric('kv_slots') : metric('requests_total');
  const query = `label_values(${source}, ${label})`;
  return {
    name: label,
    type: 'query',
    datasource: DATASOURCE,
    query: { query, refId: label },
    definition: query,
    refresh: 2,
    includeAll: true,
    multi: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  };
}

/** What was chosen here is chosen there. */
const otherDashboards = () => ({
  type: 'dashboards',
  title: 'Switchyard',
  tooltip: 'Other dashboards of Switchyard',
  icon: 'external link',
  tags: ['switchyard'],
  asDropdown: true,
  targetBlank: false,
  includeVars: true,
  keepTime: true,
});

const firingAlerts = () => ({
  name: 'Alerts',
  enable: true,
  datasource: DATASOURCE,
  expr: 'ALERTS{alertname=~"Switchyard.*",alertstate="firing"}',
  titleFormat: '{{alertname}}',
  textFormat: '{{tenant}} {{deployment}} {{instance}}',
  iconColor: 'red',
});
