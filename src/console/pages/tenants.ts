import type { ApiKeyInfo, NewKey, SetDataPolicy, Tenant } from '../../contracts/registry.js';
import { SCOPES } from '../../contracts/registry-limits.js';
import { path } from '../api.js';
import { type Context, tenantOf } from '../context.js';
import { h } from '../dom.js';
import { time } from '../format.js';
import { ask } from '../parts/dialog.js';
import { checkboxes, input, reasonField, reasonHeader } from '../parts/fields.js';
import { badge, button, empty, link, page, rowButton, section } from '../parts/layout.js';
import { table } from '../parts/table.js';
import { hashOf } from '../router.js';
import { limitsPanel, usagePanel } from './tenant-limits.js';
import { policyPanel } from './tenant-policy.js';

const HOUR_MS = 3_600_000;

export async function tenants(context: Context): Promise<HTMLElement> {
  const all = await context.admin.list<Tenant>('/admin/tenants');
  return page(
    'Tenants',
    {
      lead: 'Each has its own keys, adapters and documents, and sees nothing of the others.',
      actions: [button('Create a tenant', () => void create(), 'main')],
    },
    section(
      'All tenants',
      {},
      table<Tenant>(
        'Tenants',
        [
          { title: 'Id', cell: ({ id }) => link(hashOf('tenants', id), id) },
          { title: 'Name', cell: ({ name }) => name },
          { title: 'Since', cell: ({ createdAt }) => time(createdAt) },
        ],
        all,
        empty('No tenants yet.', 'Create the first one.'),
      ),
    ),
  );

  async function create(): Promise<void> {
    let id = '';
    const isDone = await ask({
      title: 'Create a tenant',
      fields: [
        input('Id', { name: 'id', required: true }, 'Small letters, digits, dots, dashes. It cannot be changed.'),
        input('Name', { name: 'name', required: true }),
        reasonField(),
      ],
      action: 'Create the tenant',
      submit: (values) => {
        id = values.text('id');
        return context.admin.send(
          'POST',
          '/admin/tenants',
          { id, name: values.text('name') },
          reasonHeader(values.text('reason')),
        );
      },
    });
    if (!isDone) return;
    context.say(`${id} was created.`);
    context.go(hashOf('tenants', id));
  }
}

export async function tenant(context: Context): Promise<HTMLElement> {
  const { admin } = context;
  const id = tenantOf(context);
  const base = path`/admin/tenants/${id}`;
  const [{ name, revision }, keys, policy, usage, limits] = await Promise.all([
    admin.get<Tenant>(base),
    admin.list<ApiKeyInfo>(`${base}/keys`),
    admin.get<SetDataPolicy>(`${base}/data-policy`),
    usagePanel(context, id),
    limitsPanel(context, id),
  ]);
  const pages = (
    ['deployments', 'adapters', 'evaluations', 'playground', 'documents', 'reviews', 'quality'] as const
  ).flatMap((name) => [link(hashOf(name, id), name), ' ']);
  return page(
    id,
    {
      lead: [`${name}. See its `, pages],
      actions: [button('Create a key', () => void createKey(), 'main'), button('Rename', () => void rename())],
    },
    section('Keys', {}, keyTable()),
    usage,
    limits,
    policyPanel(context, id, policy),
  );

  function keyTable(): HTMLElement {
    return table<ApiKeyInfo>(
      `Keys of ${id}`,
      [
        { title: 'Key', cell: (key) => h('code', {}, key.id) },
        { title: 'Label', cell: ({ label }) => label },
        { title: 'May', cell: ({ scopes }) => scopes.flatMap((scope) => [badge(scope), ' ']) },
        { title: 'Groups', cell: ({ groups }) => (groups.length === 0 ? '–' : groups.join(', ')) },
        { title: 'Since', cell: ({ createdAt }) => time(createdAt) },
        { title: 'Used', cell: ({ lastUsedAt }) => (lastUsedAt === null ? '–' : time(lastUsedAt)) },
        { title: 'Until', cell: ({ expiresAt }) => (expiresAt === null ? '–' : time(expiresAt)) },
        {
          title: 'State',
          cell: (key) =>
            key.revokedAt === null
              ? [
                  rowButton('Rotate', key.label, () => void rotate(key)),
                  ' ',
                  rowButton('Revoke', key.label, () => void revoke(key)),
                ]
              : badge('revoked', 'bad'),
        },
      ],
      keys,
      empty('No keys yet.', 'A client needs one.'),
    );
  }

  async function rename(): Promise<void> {
    const isDone = await ask({
      title: `Rename ${id}`,
      fields: [
        input('Name', { name: 'name', required: true, maxlength: 200, value: name }, 'For people. The id stays.'),
        reasonField(),
      ],
      action: 'Rename',
      submit: (values) =>
        admin.send(
          'PUT',
          base,
          { name: values.text('name') },
          {
            'if-match': `"${revision}"`,
            ...reasonHeader(values.text('reason')),
          },
        ),
    });
    if (!isDone) return;
    context.say('The tenant is renamed.');
    context.reload();
  }

  async function createKey(): Promise<void> {
    let made: NewKey | null = null;
    await ask({
      title: `Create a key of ${id}`,
      fields: [
        input('Label', { name: 'label', required: true, maxlength: 200 }, 'For people: which program uses it.'),
        checkboxes('It may', 'scopes', SCOPES, ['inference']),
        input(
          'Groups',
          { name: 'groups' },
          'With commas between. What these groups may see is found with it; none: what everybody may.',
        ),
        reasonField(),
      ],
      action: 'Create the key',
      async submit(values) {
        const groups = values
          .text('groups')
          .split(',')
          .map((group) => group.trim())
          .filter(Boolean);
        const body = {
          label: values.text('label'),
          scopes: values.all('scopes'),
          ...(groups.length > 0 && { groups }),
        };
        made = await admin.send('POST', `${base}/keys`, body, reasonHeader(values.text('reason')));
      },
    });
    if (made !== null) await showSecret(made, 'The key was created.');
  }

  async function rotate(old: ApiKeyInfo): Promise<void> {
    let made: NewKey | null = null;
    await ask({
      title: `Give ${old.label} another secret?`,
      text: 'Id, scopes and expiry stay.',
      fields: [
        input(
          'Hours that the secret of before still opens',
          { name: 'hours', type: 'number', min: 0, max: 720, step: 'any', value: 1 },
          'Until its clients have the new one.',
        ),
        reasonField(),
      ],
      action: 'Rotate',
      async submit(values) {
        const body = { graceMs: Math.round((values.number('hours') ?? 0) * HOUR_MS) };
        made = await admin.send('POST', `${base}${path`/keys/${old.id}`}/rotate`, body, {
          'if-match': `"${old.revision}"`,
          ...reasonHeader(values.text('reason')),
        });
      },
    });
    if (made !== null) await showSecret(made, 'The key has another secret.');
  }

  async function showSecret(key: NewKey, done: string): Promise<void> {
    const secret = h('code', { class: 'secret', tabindex: 0 }, key.secret);
    // In the dialog: what is said behind it no screen reader reads.
    const said = h('p', { class: 'hint', role: 'status' });
    const copy = async () => {
      try {
        await navigator.clipboard.writeText(key.secret);
        said.textContent = 'Copied.';
      } catch {
        getSelection()?.selectAllChildren(secret);
        said.textContent = 'The browser does not let this page copy. The key is selected: copy it from there.';
      }
    };
    const isKept = await ask({
      title: 'The key, shown this once',
      text: 'Only a hash of it is kept. Copy it now.',
      fields: [secret, button('Copy', () => void copy()), said],
      action: 'Use it in this tab',
      submit: async () => context.session.add({ secret: key.secret, id: key.id, tenant: id, scopes: key.scopes }),
    });
    context.say(isKept ? 'The key is held by this tab.' : done);
    context.reload();
  }

  async function revoke(key: ApiKeyInfo): Promise<void> {
    const isDone = await ask({
      title: `Revoke ${key.label}?`,
      text: 'The next request with it is refused. This cannot be taken back.',
      fields: [reasonField()],
      action: 'Revoke',
      isDangerous: true,
      submit: (values) =>
        admin.send('DELETE', `${base}${path`/keys/${key.id}`}`, null, reasonHeader(values.text('reason'))),
    });
    if (!isDone) return;
    context.session.remove(key.id);
    context.say('The key is revoked.');
    context.reload();
  }
}
