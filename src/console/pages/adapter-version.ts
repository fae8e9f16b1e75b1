import type { AdapterVersion } from '../../contracts/registry.js';
import { NEXT_STATUSES } from '../../contracts/registry-limits.js';
import type { EvaluationReport, VersionEvent, VersionStatus } from '../../contracts/versions.js';
import { path } from '../api.js';
import { type Context, tenantOf } from '../context.js';
import { type Child, h } from '../dom.js';
import { bytes, score, time, version } from '../format.js';
import { ask } from '../parts/dialog.js';
import { reasonField, reasonHeader } from '../parts/fields.js';
import { badge, button, empty, facts, link, page, section, type Tone } from '../parts/layout.js';
import { isAskable, startEvaluation } from '../parts/start-evaluation.js';
import { table } from '../parts/table.js';
import { hashOf } from '../router.js';

type Shown = AdapterVersion & { readonly stableOf: readonly string[]; readonly canaryOf: readonly string[] };

const TONES: Readonly<Record<VersionStatus, Tone>> = {
  candidate: 'plain',
  approved: 'good',
  quarantined: 'warn',
  revoked: 'bad',
  retired: 'plain',
};
const CHANGES: Readonly<Record<Exclude<VersionStatus, 'candidate'>, { action: string; text: string }>> = {
  approved: { action: 'Approve', text: 'It may become canary and stable.' },
  quarantined: { action: 'Quarantine', text: 'Only keys with the scope route reach it, by naming it.' },
  revoked: {
    action: 'Revoke',
    text: 'From the next request on it answers nobody, and leaves every canary; a deployment that serves it as stable refuses requests until it is rolled back. This cannot be taken back.',
  },
  retired: { action: 'Retire', text: 'It is out of use; it can be approved again.' },
};

export const statusBadge = (status: VersionStatus): HTMLElement => badge(status, TONES[status]);

/** One version: whether it may answer, where it comes from, what was measured of it, and who changed what. */
export async function adapterVersion(context: Context): Promise<HTMLElement> {
  const { admin } = context;
  const tenant = tenantOf(context);
  const [name = '', number = ''] = context.place.item!.split('@');
  const base = path`/admin/tenants/${tenant}/adapters/${name}/versions/${number}`;
  const [shown, evaluations, events, card] = await Promise.all([
    admin.get<Shown>(base),
    admin.list<EvaluationReport>(`${base}/evaluations`),
    admin.list<VersionEvent>(`${base}/events`),
    admin.text(`${base}/card`),
  ]);
  const about = version(name, shown.version);
  const changes = NEXT_STATUSES[shown.status].map((to) => {
    const kind = to === 'approved' ? 'main' : to === 'revoked' ? 'danger' : 'plain';
    return button(CHANGES[to].action, () => void change(to), kind);
  });
  return page(
    about,
    { lead: ['A version of ', link(hashOf('adapters', tenant), `an adapter of ${tenant}`), '.'], actions: changes },
    section('Version', {}, facts(versionFacts(shown))),
    section('Lineage', {}, facts(lineageFacts(shown))),
    section(
      'Measured',
      { actions: [isAskable(shown) && button('Evaluate', () => void evaluate())] },
      evaluationsTable(evaluations),
    ),
    section('History', {}, eventsTable(events)),
    section('Card', {}, h('pre', { class: 'card', tabindex: 0 }, card)),
  );

  async function evaluate(): Promise<void> {
    const run = await startEvaluation(context, [shown]);
    if (run !== null) context.go(hashOf('evaluations', tenant, run.id));
  }

  async function change(to: Exclude<VersionStatus, 'candidate'>): Promise<void> {
    const { action, text } = CHANGES[to];
    const isDone = await ask({
      title: `${action} ${about}?`,
      text,
      fields: [reasonField()],
      action,
      isDangerous: to === 'revoked',
      submit: (values) => admin.send('PUT', `${base}/status`, { status: to }, reasonHeader(values.text('reason'))),
    });
    if (!isDone) return;
    context.say(`${about} is ${to}.`);
    context.reload();
  }
}

function versionFacts({ tenant, stableOf, canaryOf, ...shown }: Shown): [string, Child][] {
  const served = [...stableOf.map((name) => [name, 'stable']), ...canaryOf.map((name) => [name, 'canary'])];
  const links = served.flatMap(([name, how]) => [link(hashOf('deployments', tenant, name!), name!), ` (${how}) `]);
  return [
    ['Status', statusBadge(shown.status)],
    ['Serves', links.length === 0 ? 'nothing' : links],
    ['Base model', shown.baseModel ?? 'not known'],
    ['Rank', shown.rank],
    ['Targets', shown.targets.join(', ')],
    ['Size', bytes(shown.bytes)],
    ['Digest', h('code', { class: 'digest' }, shown.digest)],
    ['Signed by', shown.signedBy ?? 'nobody'],
    ['Added', `${time(shown.createdAt)} by ${shown.addedBy ?? 'somebody'}`],
  ];
}

function lineageFacts({ tenant, lineage }: Shown): [string, Child][] {
  const { parent, dataDigest, trainer, hyperparameters, figures, description, license } = lineage;
  const from = parent && version(parent.name, parent.version);
  const unsaid = 'not said';
  return [
    ['Trained on from', from === null ? 'the base model' : link(hashOf('adapters', tenant, from), from)],
    ['Training data', dataDigest === null ? unsaid : h('code', { class: 'digest' }, dataDigest)],
    ['Trainer', trainer ?? unsaid],
    ['Settings', hyperparameters === null ? unsaid : listOf(hyperparameters)],
    ['Training', Object.keys(figures).length === 0 ? unsaid : listOf(figures)],
    ['Description', description ?? unsaid],
    ['Licence', license ?? unsaid],
  ];
}

function listOf(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
}

function evaluationsTable(reports: readonly EvaluationReport[]): HTMLElement {
  return table<EvaluationReport>(
    'Evaluations',
    [
      { title: 'What', cell: ({ name }) => name },
      {
        title: 'Figures',
        cell: ({ figures }) => Object.entries(figures).map(([name, value]) => `${name} ${score(value)} `),
      },
      { title: 'By', cell: ({ actor }) => h('code', {}, actor) },
      { title: 'When', cell: ({ createdAt }) => time(createdAt) },
    ],
    reports,
    empty('Nothing was measured yet.', 'The evaluation and clients of the API add what they find.'),
  );
}

function eventsTable(events: readonly VersionEvent[]): HTMLElement {
  return table<VersionEvent>(
    'Changes of the status',
    [
      { title: 'When', cell: ({ createdAt }) => time(createdAt) },
      { title: 'Status', cell: ({ to }) => statusBadge(to) },
      { title: 'By', cell: ({ actor }) => h('code', {}, actor) },
      { title: 'Reason', cell: ({ reason }) => reason },
    ],
    events,
    empty('No changes.'),
  );
}
