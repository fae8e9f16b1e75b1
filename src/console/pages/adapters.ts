import type { AdapterVersion, Deployment } from '../../contracts/registry.js';
import { path } from '../api.js';
import { type Context, tenantOf } from '../context.js';
import { type Child, h } from '../dom.js';
import { bytes, time, version } from '../format.js';
import { ask } from '../parts/dialog.js';
import { input, reasonField, reasonHeader } from '../parts/fields.js';
import { badge, button, empty, link, page, section } from '../parts/layout.js';
import { table } from '../parts/table.js';
import { hashOf } from '../router.js';
import { statusBadge } from './adapter-version.js';

const SHOWN_DIGEST = 12;

export async function adapters(context: Context): Promise<HTMLElement> {
  const { admin } = context;
  const tenant = tenantOf(context);
  const [versions, deployments] = await Promise.all([
    admin.list<AdapterVersion>(path`/admin/tenants/${tenant}/adapters`),
    admin.list<Deployment>(path`/admin/tenants/${tenant}/deployments`),
  ]);
  const names = [...new Set(versions.map(({ name }) => name))];
  return page(
    'Adapters',
    {
      lead: `LoRA adapters of ${tenant}. A version never changes; which one answers is up to the deployments.`,
      actions: [button('Add a version', () => void add(context, tenant), 'main')],
    },
    names.length === 0 &&
      section('Versions', {}, empty('No adapters yet.', 'Add a PEFT folder that lies on the machine of the gateway.')),
    names.map((name) => section(name, {}, versionsTable(name, versions, deployments))),
  );
}

/** The newest first: each came after the one below it. */
function versionsTable(name: string, all: readonly AdapterVersion[], deployments: readonly Deployment[]): HTMLElement {
  const versions = all.filter((one) => one.name === name).sort((a, b) => b.version - a.version);
  return table<AdapterVersion>(
    `Versions of ${name}`,
    [
      { title: 'Version', cell: (one) => versionLink(one) },
      { title: 'Status', cell: ({ status }) => statusBadge(status) },
      { title: 'Serves', cell: (one) => servedBy(one, deployments) },
      { title: 'Rank', cell: ({ rank }) => rank, isNumber: true },
      { title: 'Targets', cell: ({ targets }) => h('span', { class: 'muted' }, targets.join(', ')) },
      { title: 'Size', cell: (one) => bytes(one.bytes), isNumber: true },
      { title: 'Digest', cell: ({ digest }) => digestOf(digest) },
      { title: 'Trained on', cell: ({ baseDigest }) => digestOf(baseDigest) },
      { title: 'Added', cell: ({ createdAt }) => time(createdAt) },
    ],
    versions,
    empty('No versions.'),
  );
}

function versionLink({ tenant, name, version: number }: AdapterVersion): HTMLElement {
  const about = version(name, number);
  return link(hashOf('adapters', tenant, about), h('strong', {}, about));
}

function digestOf(digest: string): HTMLElement {
  return h('code', { title: digest }, digest.slice(0, SHOWN_DIGEST));
}

function servedBy({ tenant, name, version: number }: AdapterVersion, deployments: readonly Deployment[]): Child {
  const places = deployments
    .filter(({ adapter }) => adapter === name)
    .flatMap(({ name: deployment, stableVersion, canaryVersion, canaryWeight }) => [
      stableVersion === number && [
        link(hashOf('deployments', tenant, deployment), deployment),
        ' ',
        badge('stable', 'good'),
        ' ',
      ],
      canaryVersion === number && [
        link(hashOf('deployments', tenant, deployment), deployment),
        ' ',
        badge(`canary ${canaryWeight} %`, 'warn'),
      ],
    ])
    .filter(Boolean);
  return places.length === 0 ? h('span', { class: 'muted' }, 'nothing') : places;
}

async function add(context: Context, tenant: string): Promise<void> {
  const isDone = await ask({
    title: 'Add an adapter version',
    text: 'The folder is checked first. A version that is not exactly what the base model accepts is refused, with the reason; nothing serves it before a deployment names it.',
    fields: [
      input(
        'Name',
        { name: 'name', required: true },
        'Of the adapter; a name that is there already gets its next version.',
      ),
      input(
        'Folder',
        { name: 'folder', required: true, placeholder: '/srv/adapters/support-3' },
        'PEFT format, on the machine of the gateway.',
      ),
      reasonField(),
    ],
    action: 'Add the version',
    submit: (values) =>
      context.admin.send(
        'POST',
        path`/admin/tenants/${tenant}/adapters`,
        { name: values.text('name'), folder: values.text('folder') },
        reasonHeader(values.text('reason')),
      ),
  });
  if (!isDone) return;
  context.say('The version was added.');
  context.reload();
}
