import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.js';
import type { AdapterVersion } from '../../contracts/registry.js';
import type { AdapterPolicy } from '../../contracts/versions.js';
import { readBaseManifest } from '../../layouts/manifest.js';
import { adminApi, path } from '../api.js';
import { parseNumber, parseVersion, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';
import { adapterForm, type UploadOptions } from './adapter-form.js';
import { addAliases } from './aliases.js';
import { addVersions } from './versions.js';

/** What the admin API tells of a version. */
type Version = Omit<AdapterVersion, 'compiledFile'>;

interface AddOptions extends UploadOptions {
  readonly tenant: string;
  readonly name: string;
}

export function addAdapters(program: Command, terminal: Terminal): void {
  const adapters = program
    .command('adapters')
    .description('add, list, approve and revoke adapter versions, and name them by aliases');

  adapters
    .command('add <folder>')
    .description('upload a PEFT folder as the next version')
    .addOption(tenantOption())
    .requiredOption('--name <name>', "the adapter's name")
    .option('--version <number>', 'exactly this version', parseNumber)
    .option('--any-base', 'take it although its configuration names another base model')
    .option('--parent <name@version>', 'what it was trained on from', parseVersion)
    .option('--data-digest <sha256>', 'SHA-256 of the training data')
    .option('--trainer <text>', 'program and version that trained it')
    .option('--description <text>', 'for its model card')
    .option('--license <text>', 'for its model card')
    .option('--signer <name>', 'who signed it')
    .option('--signature <file>', 'Ed25519 over what sha256sum writes of the configuration and the weights')
    .action(async (folder: string, { tenant, name, ...options }: AddOptions, command: Command) => {
      const url = path`/admin/tenants/${tenant}/adapters/${name}/versions`;
      const added = await adminApi(command).send<Version>('POST', url, adapterForm(command, folder, options));
      show(terminal, command, added, [toRow(added)]);
    });

  adapters
    .command('list')
    .description("list the versions of a tenant's adapters")
    .addOption(tenantOption())
    .action(async ({ tenant }: { tenant: string }, command: Command) => {
      const data = await adminApi(command).list<Version>(path`/admin/tenants/${tenant}/adapters`);
      show(terminal, command, data, data.map(toRow));
    });

  addVersions(adapters, terminal);
  addAliases(adapters, terminal);

  adapters
    .command('signatures [on|off]')
    .description('show whether adapters must be signed, or say so')
    .addOption(tenantOption())
    .action(async (wanted: string | undefined, { tenant }: { tenant: string }, command: Command) => {
      const url = path`/admin/tenants/${tenant}/adapter-policy`;
      const api = adminApi(command);
      const policy =
        wanted === undefined
          ? await api.get<AdapterPolicy>(url)
          : await api.send<AdapterPolicy>('PUT', url, { requireSignatures: toFlag(command, wanted) });
      show(terminal, command, policy, [{ signatures: policy.requireSignatures ? 'required' : 'not required' }]);
    });

  adapters
    .command('export <folder> [digests...]')
    .description(
      "write adapters of this machine's data folder as <digest>.gguf, as llama-server loads them; all where none is named",
    )
    .action(async (folder: string, digests: string[], _options: object, command: Command) => {
      const { exportAdapters } = await import('../../model-import/lora/gguf-form.js');
      const { dataDir, models } = loadConfig();
      const base = await readBaseManifest(join(dataDir, 'models', models.base));
      const files = await exportAdapters(dataDir, base, resolve(folder), digests);
      show(terminal, command, files, files);
    });
}

function toFlag(command: Command, wanted: string): boolean {
  if (wanted === 'on' || wanted === 'off') return wanted === 'on';
  return command.error(`error: it must be on or off, got ${wanted}`);
}

function toRow({ name, version, status, rank, targets, bytes, digest, createdAt }: Version) {
  return {
    adapter: `${name}@${version}`,
    status,
    rank,
    targets: targets.length,
    bytes,
    digest: digest.slice(0, 12),
    added: formatTime(createdAt),
  };
}
