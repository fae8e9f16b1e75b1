import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.js';
import type { AdapterVersion, Deployment } from '../../contracts/registry.js';
import { type Api, adminApi, path } from '../api.js';
import { show } from '../show.js';
import type { Terminal } from '../terminal.js';
import { adapterForm } from './adapter-form.js';
import { changeDeployment } from './deployments.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DEPLOYMENT = 'assistant';

export function addSamples(program: Command, terminal: Terminal): void {
  program
    .command('samples')
    .description('the sample tenants of npm start')
    .command('update')
    .description('add the sample adapters that come with this gateway, and have them answer in place of older ones')
    .action(async (_options: object, command: Command) => {
      const { newerSamples, sampleAdapters } = await import('../../demo/newer.js');
      const { base } = loadConfig().models;
      const api = adminApi(command);
      const tenants = [...new Set(sampleAdapters(base, ROOT).map(({ tenant }) => tenant))];
      const lists = tenants.map((tenant) => api.list<AdapterVersion>(path`/admin/tenants/${tenant}/adapters`));
      const updated: ReturnType<typeof toRow>[] = [];
      const newer = newerSamples(base, ROOT, (await Promise.all(lists)).flat());
      for (const { tenant, folder, place } of newer) {
        const form = adapterForm(command, folder, {});
        const url = path`/admin/tenants/${tenant}/adapters/${tenant}/versions`;
        const version = await api.send<AdapterVersion>('POST', url, form);
        updated.push(toRow(version, await answerBy(api, version, place)));
      }
      show(terminal, command, updated, updated);
    });
}

/** A deployment that answers by something else than the sample stays as it is. */
async function answerBy(
  api: Api,
  { tenant, name: adapter, version }: AdapterVersion,
  place: 'stable' | 'canary',
): Promise<Deployment | null> {
  const url = path`/admin/tenants/${tenant}/deployments/${DEPLOYMENT}`;
  const before = await api.get<Deployment>(url);
  if (before.adapter !== adapter) return null;
  return place === 'stable'
    ? changeDeployment(api, url, { adapter: { adapter, version } })
    : api.send<Deployment>('POST', `${url}/canary`, { version, weight: 0 });
}

function toRow({ tenant, name, version }: AdapterVersion, deployment: Deployment | null) {
  const { stableVersion, canaryVersion } = deployment ?? {};
  const answers = stableVersion === version ? 'stable' : canaryVersion === version ? 'canary' : 'left alone';
  return { tenant, adapter: `${name}@${version}`, [DEPLOYMENT]: answers };
}
