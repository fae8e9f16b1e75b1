import type { Deployment, QualityGroup, QualityReport } from '../../contracts/registry.js';
import { samplesOf } from '../../metrics/exposition.js';
import { readScrape } from '../../metrics/live.js';
import { path } from '../api.js';
import { type Context, tenantOf } from '../context.js';
import { fill, h } from '../dom.js';
import { count, milliseconds, percent, score, version, words } from '../format.js';
import { select } from '../parts/fields.js';
import { badge, bar, empty, failure, page, section } from '../parts/layout.js';
import { table } from '../parts/table.js';

/** By convention: below the first nothing has changed, above the second much. */
const MODERATE_PSI = 0.1;
const MAJOR_PSI = 0.25;

export async function quality(context: Context): Promise<HTMLElement> {
  const { admin } = context;
  const tenant = tenantOf(context);
  const deployments = await admin.list<Deployment>(path`/admin/tenants/${tenant}/deployments`);
  const first = deployments[0];
  const head = { lead: `What the answers of ${tenant} were worth, and whether what is asked or answered has changed.` };
  if (first === undefined) return page('Quality', head, section('Answers', {}, empty('No deployments yet.')));

  const report = h('div', { class: 'page' });
  const chosen = { name: context.place.item ?? first.name, days: 7 };
  const show = async () => {
    const deployment = deployments.find(({ name }) => name === chosen.name) ?? first;
    const url = `${path`/admin/tenants/${tenant}/deployments/${deployment.name}/quality`}?days=${chosen.days}`;
    try {
      const [groups, metrics] = await Promise.all([admin.get<QualityReport>(url), admin.text('/metrics')]);
      fill(report, reportOf(groups, deployment), driftOf(metrics, deployment));
    } catch (error) {
      fill(
        report,
        failure(error, () => void show()),
      );
    }
  };
  const change = (name: 'name' | 'days') => (event: Event) => {
    const { value } = event.target as HTMLSelectElement;
    if (name === 'days') chosen.days = Number(value);
    else chosen.name = value;
    void show();
  };
  await show();
  return page(
    'Quality',
    head,
    h(
      'div',
      { class: 'row' },
      select(
        'Deployment',
        { onchange: change('name') },
        deployments.map(({ name }) => [name, name] as const),
        chosen.name,
      ),
      select(
        'Of the last',
        { onchange: change('days') },
        [
          ['1', 'day'],
          ['7', '7 days'],
          ['30', '30 days'],
        ],
        '7',
      ),
    ),
    report,
  );
}

function reportOf({ versions, days, worstTopics }: QualityReport, deployment: Deployment): HTMLElement[] {
  const nameOf = ({ name }: QualityGroup) => (/^\d+$/.test(name) ? version(deployment.adapter, Number(name)) : name);
  return [
    section('Versions', {}, groupTable('Quality by version', 'Version', versions, nameOf)),
    section('Days', {}, groupTable('Quality by day', 'Day', days)),
    section('Topics that are answered worst', {}, groupTable('Quality by topic', 'Topic', worstTopics)),
  ];
}

function groupTable(
  caption: string,
  first: string,
  groups: readonly QualityGroup[],
  nameOf = ({ name }: QualityGroup) => name,
) {
  return table<QualityGroup>(
    caption,
    [
      { title: first, cell: nameOf },
      { title: 'Answers', cell: ({ answers }) => count(answers), isNumber: true },
      {
        title: 'Grounded',
        cell: ({ groundedness: share }) => (share === null ? '–' : [score(share), ' ', bar('grounded', share)]),
      },
      { title: 'Cited rightly', cell: ({ citationValidity }) => percent(citationValidity), isNumber: true },
      { title: 'Refused', cell: ({ refusals }) => percent(refusals), isNumber: true },
      { title: 'Cut off', cell: ({ truncations }) => percent(truncations), isNumber: true },
      { title: 'Words', cell: (group) => count(group.words), isNumber: true },
      { title: 'First token', cell: ({ firstTokenMs }) => milliseconds(firstTokenMs), isNumber: true },
      { title: 'Thumbs down', cell: ({ thumbsDown }) => count(thumbsDown), isNumber: true },
    ],
    groups,
    empty('No answers in this time.'),
  );
}

function driftOf(metrics: string, { tenant, name: deployment }: Deployment): HTMLElement {
  const { samples } = readScrape(metrics, Date.now());
  const found = samplesOf(samples, 'switchyard_query_drift_psi', { tenant, deployment });
  return section(
    'Drift',
    {},
    table(
      'Drift against the baseline',
      [
        { title: 'Of', cell: ({ labels }) => words(labels.of!) },
        { title: 'Population stability index', cell: ({ value }) => value.toFixed(3), isNumber: true },
        { title: 'Means', cell: ({ value }) => judged(value) },
      ],
      found,
      empty('Not known yet.', 'It is, once 500 answers have made a baseline and others came after it.'),
    ),
  );
}

function judged(psi: number): HTMLElement {
  if (psi >= MAJOR_PSI) return badge('much has changed', 'bad');
  return psi >= MODERATE_PSI ? badge('something has changed', 'warn') : badge('as before', 'good');
}
