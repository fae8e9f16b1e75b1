import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { parse } from 'yaml';
import { ALERTS } from '../../scripts/monitoring/alerts.js';
import { dashboards } from '../../scripts/monitoring/dashboards.js';
import { ALERTS_FILE, measured, monitoringFiles, RULES_FILE } from '../../scripts/monitoring/files.js';
import { METRICS, type MetricSpec } from '../../src/metrics/table.js';
import { createTestServer } from '../http/fakes.js';
import { fillVariables, parseQuery } from './promql.js';

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly annotations?: { readonly runbook: string };
}

const root = new URL('../../', import.meta.url);
const committed = (path: string) => readFileSync(new URL(path, root), 'utf8');
const rulesOf = (path: string): Rule[] =>
  parse(committed(path)).groups.flatMap(({ rules }: { rules: Rule[] }) => rules);
const rules = [...rulesOf(RULES_FILE), ...rulesOf(ALERTS_FILE)];
const panels = dashboards().flatMap(({ uid, panels }) =>
  panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ of: `${uid}: ${title}`, expr }))),
);

/** Labels by the name of each series that is exposed or recorded. */
async function knownSeries(): Promise<Map<string, readonly string[]>> {
  const { app } = await createTestServer();
  const { body } = await app.inject('/metrics');
  await app.close();
  const known = new Map<string, readonly string[]>([
    ['up', []],
    ['ALERTS', ['alertname', 'alertstate']],
  ]);
  for (const [, exposed, type] of body.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const spec = (METRICS as Readonly<Record<string, MetricSpec>>)[exposed!.replace(/^switchyard_/, '')];
    for (const suffix of type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) {
      known.set(exposed + suffix, [...(spec?.labels ?? []), ...(suffix === '_bucket' ? ['le'] : [])]);
    }
  }
  for (const { record, expr } of rules) if (record) known.set(record, parseQuery(expr).labels);
  return known;
}

t.test('the committed rules and dashboards are what the table says', async (t) => {
  for (const [path, text] of Object.entries(monitoringFiles())) {
    t.equal(committed(path), text, `${path}: npm run generate`);
  }
});

t.test('every query is PromQL, and about series and labels that there are', async (t) => {
  const known = await knownSeries();
  for (const { of, expr } of [
    ...panels,
    ...rules.map((rule) => ({ of: rule.alert ?? rule.record!, expr: rule.expr })),
  ]) {
    const { selectors, labels } = parseQuery(fillVariables(expr));
    t.not(selectors.length, 0, of);
    for (const { name, matchers } of selectors) {
      t.ok(known.has(name), `${of}: ${name}`);
      for (const { label } of matchers) {
        t.ok(['instance', 'job', ...known.get(name)!].includes(label), `${of}: ${name} has a label ${label}`);
      }
    }
    const there = ['instance', ...selectors.flatMap(({ name }) => known.get(name)!)];
    for (const label of labels) t.ok(there.includes(label), `${of}: ${label}`);
  }
  t.throws(() => parseQuery('sum by (tenant (x))'), /no PromQL/, 'what is none is noticed');
});

t.test('a limit of an objective is a bound of its buckets, else nothing would be counted', async (t) => {
  for (const { record, expr } of rules) {
    for (const { name, matchers } of parseQuery(expr).selectors) {
      const le = matchers.find(({ label }) => label === 'le')?.value;
      if (le === undefined) continue;
      const spec: MetricSpec = METRICS[name.replace(/^switchyard_(\w+)_bucket$/, '$1') as 'index_rebuild_seconds'];
      t.ok(spec.buckets!.map((bound) => `"${bound}"`).includes(le), `${record}: ${le}`);
    }
  }
});

t.test('every metric is on a dashboard', async (t) => {
  const shown = new Set(
    panels.flatMap(({ expr }) => parseQuery(fillVariables(expr)).selectors.map(({ name }) => name)),
  );
  for (const [name, { type }] of Object.entries(METRICS)) {
    t.ok(shown.has(`switchyard_${name}${type === 'histogram' ? '_bucket' : ''}`), name);
  }
});

t.test(
  'every alert has a runbook that says what to look at and what to do, and a test; every runbook an alert',
  async (t) => {
    const runbooks = readdirSync(new URL('docs/runbooks/', root)).filter((name) => name !== 'README.md');
    const tested = readdirSync(new URL('deploy/prometheus/tests/', root))
      .flatMap((file): { alert_rule_test?: object[] }[] => parse(committed(`deploy/prometheus/tests/${file}`)).tests)
      .flatMap(({ alert_rule_test: cases = [] }) => cases as { alertname: string; exp_alerts?: object[] }[]);
    const alerts = rules.filter(({ alert }) => alert);
    t.not(alerts.length, 0);
    for (const { alert, annotations } of alerts) {
      t.match(committed(annotations!.runbook), new RegExp(`^# ${alert}\n\n.+\n\n## Look\n[^]+\n## Do\n`), alert!);
      t.ok(
        tested.some(({ alertname, exp_alerts: expected }) => alertname === alert && expected),
        `${alert} is tested to fire`,
      );
    }
    t.same(runbooks.sort(), ALERTS.map(({ name }) => `${name}.md`).sort());
  },
);

t.test('an alert about what is not measured yet waits', async (t) => {
  const later = { ...ALERTS[0]!, name: 'Later', expr: 'switchyard_not_there_yet > 1' };
  t.same(measured([ALERTS[0]!, later]), [ALERTS[0]]);
});
