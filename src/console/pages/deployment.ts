import type { AdapterVersion, Deployment } from '../../contracts/registry.js';
import type { RolloutEvent } from '../../contracts/rollouts.js';
import { type Api, path } from '../api.js';
import { type Context, tenantOf } from '../context.js';
import { type Child, fill, h } from '../dom.js';
import { time, version, words } from '../format.js';
import { evidencePlot, type Seen } from '../parts/evidence-plot.js';
import { experimentPanel } from '../parts/experiment.js';
import { badge, empty, facts, failure, page, section } from '../parts/layout.js';
import { poll } from '../parts/poll.js';
import { verdictPanel } from '../parts/verdict.js';
import type { ExperimentStatus, RolloutStatus } from '../wire.js';
import { actionsOf } from './deployment-actions.js';

const EVERY_MS = 3000;
const SHOWN_EVENTS = 20;
/** An hour of looks. */
const MOST_POINTS = 1200;

/** What a deployment serves, how its rollout goes, and what was done to it; it follows what happens. */
export async function deployment(context: Context): Promise<HTMLElement> {
  const tenant = tenantOf(context);
  const name = context.place.item!;
  const base = path`/admin/tenants/${tenant}/deployments/${name}`;
  const versions = await context.admin.list<AdapterVersion>(path`/admin/tenants/${tenant}/adapters`);
  const [trouble, served, evidence, history, actions] = [
    h('div', {}),
    h('div', {}),
    h('div', {}),
    h('div', {}),
    h('div', { class: 'actions' }),
  ];
  const plot = evidencePlot(context.left);
  let seen: Seen[] = [];
  let revision = -1;

  const look = async () => {
    const status = await context.admin.get<RolloutStatus>(`${base}/rollout`);
    fill(evidence, await shownEvidence(status));
    if (status.deployment.revision === revision) return plotLook(status);
    revision = status.deployment.revision;
    fill(served, servedPanel(status.deployment));
    fill(
      actions,
      actionsOf(context, status.deployment, versions, () => look().catch(failed)),
    );
    const events = await eventsOf(context.admin, base);
    fill(history, historyPanel(events));
    seen = seenBefore(status.deployment, events);
    plotLook(status);
  };
  const plotLook = ({ deployment, verdict }: RolloutStatus) => {
    plot.element.hidden = deployment.canaryVersion === null;
    seen = [...seen, { atMs: Date.now(), verdict }].slice(-MOST_POINTS);
    plot.update(seen);
  };
  const shownEvidence = async (status: RolloutStatus) => {
    if (!status.deployment.experiment) return evidenceOf(status);
    const { report } = await context.admin.get<ExperimentStatus>(`${base}/experiment`);
    return report && experimentPanel('How the arms compare now', report);
  };
  const failed = (error: unknown) => fill(trouble, error !== null && failure(error));
  // The first look decides whether there is such a deployment at all.
  await look();
  poll(context.left, EVERY_MS, look, failed);
  return page(
    name,
    { lead: `A deployment of ${tenant}.`, actions: [actions] },
    trouble,
    served,
    evidence,
    plot.element,
    history,
  );
}

function eventsOf(admin: Api, base: string): Promise<readonly RolloutEvent[]> {
  return admin.list<RolloutEvent>(`${base}/events?limit=${SHOWN_EVENTS}`);
}

/** At the steps that this canary took. */
function seenBefore({ canaryVersion, rollout }: Deployment, events: readonly RolloutEvent[]): Seen[] {
  if (canaryVersion === null || rollout === null) return [];
  return events
    .filter(({ createdAt }) => createdAt >= rollout.startedAt)
    .flatMap(({ createdAt: atMs, evidence }) => (evidence === null ? [] : [{ atMs, verdict: evidence }]))
    .reverse();
}

function servedPanel(deployment: Deployment): HTMLElement {
  const { adapter, stableVersion, canaryVersion, canaryWeight, rollout, retrieval, policy, revision } = deployment;
  const { canaryGroups = [], shadowWeight = 0, experiment, engine } = deployment;
  return section(
    'Serving',
    {},
    facts([
      ['Stable', h('strong', {}, version(adapter, stableVersion))],
      [
        'Canary',
        canaryVersion === null ? 'none' : h('strong', {}, `${version(adapter, canaryVersion)} at ${canaryWeight} %`),
      ],
      ['Experiment', experiment ? experiment.arms.map(({ name, weight }) => `${name} ${weight} %`).join(', ') : 'none'],
      ['Always the canary', canaryGroups.length === 0 ? 'nobody' : canaryGroups.join(', ')],
      ['Answered by it too, unseen', `${shadowWeight} % of stable`],
      ['Documents', retrieval.enabled ? `${retrieval.topK} passages from a score of ${retrieval.minScore} on` : 'off'],
      ['Engine', engine ?? 'the default'],
      ['Safety policy', policy === null ? 'none' : `${policy.name}@${policy.revision}`],
      ['Revision', revision],
    ]),
    canaryVersion !== null && split(canaryWeight),
    rollout !== null && [
      h('h3', {}, 'Rollout ', badge(rollout.status, rollout.status === 'paused' ? 'warn' : 'good')),
      steps(rollout.steps, rollout.step),
      h(
        'p',
        { class: 'hint' },
        `Each step takes at least ${rollout.leastAnswers} answers of the canary and ${Math.round(rollout.leastMs / 60_000)} minutes; from ${rollout.provenFrom} % on the canary must have passed.`,
      ),
    ],
  );
}

function split(weight: number): HTMLElement {
  const canary = h('div', { class: 'canary' });
  canary.style.width = `${weight}%`;
  return h(
    'div',
    { class: 'split', role: 'img', 'aria-label': `${weight} % of the traffic goes to the canary` },
    canary,
  );
}

function steps(all: readonly number[], current: number): HTMLElement {
  return h(
    'ol',
    { class: 'steps' },
    all.map((weight, i) =>
      h('li', { class: i < current ? 'passed' : null, 'aria-current': i === current ? 'step' : null }, `${weight} %`),
    ),
  );
}

function evidenceOf({ deployment, verdict }: RolloutStatus): HTMLElement {
  if (deployment.canaryVersion !== null) return verdictPanel('What the judge sees now', verdict);
  return section(
    'Judge',
    {},
    empty('No canary.', 'Start a rollout, and the new version is compared with the stable one here.'),
  );
}

function historyPanel(events: readonly RolloutEvent[]): HTMLElement {
  return section(
    'History',
    {},
    events.length === 0
      ? empty('Nothing was done yet.')
      : h(
          'ol',
          { class: 'events' },
          events.map((event) => h('li', {}, eventOf(event))),
        ),
  );
}

function eventOf({ type, actor, reason, served, evidence, report, createdAt }: RolloutEvent): Child {
  const tone = type === 'rolled_back' ? 'bad' : type === 'promoted' ? 'good' : 'plain';
  const { adapter, stableVersion, canaryVersion, canaryWeight } = served;
  const canary = canaryVersion === null ? '' : `, canary ${version(adapter, canaryVersion)} at ${canaryWeight} %`;
  return [
    h(
      'p',
      {},
      badge(words(type), tone),
      ' ',
      h('span', { class: 'muted' }, `${time(createdAt)} by `),
      h('code', {}, actor),
    ),
    h('p', {}, `Stable ${version(adapter, stableVersion)}${canary}`),
    reason !== null && h('p', { class: 'muted' }, reason),
    evidence !== null &&
      h(
        'details',
        {},
        h('summary', {}, 'Evidence'),
        verdictPanel(`What the judge saw on ${time(createdAt)}`, evidence),
      ),
    report !== null &&
      h(
        'details',
        {},
        h('summary', {}, 'Report'),
        experimentPanel(`How the arms compared on ${time(createdAt)}`, report),
      ),
  ];
}
