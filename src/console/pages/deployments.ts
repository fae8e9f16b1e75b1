import type { Deployment } from '../../contracts/registry.js';
import { path } from '../api.js';
import { type Context, tenantOf } from '../context.js';
import { h } from '../dom.js';
import { ago, version } from '../format.js';
import { badge, empty, link, page, section } from '../parts/layout.js';
import { table } from '../parts/table.js';
import { hashOf } from '../router.js';

export async function deployments(context: Context): Promise<HTMLElement> {
  const tenant = tenantOf(context);
  const all = await context.admin.list<Deployment>(path`/admin/tenants/${tenant}/deployments`);
  return page(
    'Deployments',
    { lead: `Names that clients of ${tenant} call, and the versions that answer.` },
    section(
      'All deployments',
      {},
      table<Deployment>(
        `Deployments of ${tenant}`,
        [
          { title: 'Name', cell: ({ name }) => link(hashOf('deployments', tenant, name), name) },
          { title: 'Stable', cell: (d) => version(d.adapter, d.stableVersion) },
          { title: 'Canary', cell: canaryOf },
          { title: 'Documents', cell: (d) => (d.retrieval.enabled ? `top ${d.retrieval.topK}` : 'off') },
          {
            title: 'Safety policy',
            cell: ({ policy }) => (policy === null ? 'none' : `${policy.name}@${policy.revision}`),
          },
          { title: 'Changed', cell: ({ updatedAt }) => ago(updatedAt, Date.now()) },
        ],
        all,
        empty('No deployments yet.', 'Create one with ', h('code', {}, 'npx switchyard deployments set'), '.'),
      ),
    ),
  );
}

function canaryOf({ adapter, canaryVersion, canaryWeight, rollout }: Deployment) {
  if (canaryVersion === null) return 'none';
  const state = rollout === null ? null : badge(rollout.status, rollout.status === 'paused' ? 'warn' : 'good');
  return [`${version(adapter, canaryVersion)} at ${canaryWeight} % `, state];
}
