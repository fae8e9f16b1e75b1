import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.js';
import type { AdapterVersion } from '../../contracts/registry.js';
import { readBaseManifest } from '../../layouts/manifest.js';
import { adminApi, path } from '../api.js';
import { parseNumber, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

/** What the admin API tells of a version. */
type Version = Omit<AdapterVersion, 'compiledFile'>;

interface AddOptions {
  readonly tenant: string;
  readonly name: string;
  readonly version?: number;
}

export function addAdapters(program: Command, terminal: Terminal): void {
  const adapters = program.command('adapters').description('add and list adapter versions');

  adapters
    .command('add <folder>')
    .description('add a PEFT folder as the next version; it must lie on the machine of the gateway')
    .addOption(tenantOption())
    .requiredOption('--name <name>', "the adapter's name")
    .option('--version <number>', 'exactly this version', parseNumber)
    .action(async (folder: string, { tenant, name, version }: AddOptions, command: Command) => {
      const body = { name, folder: resolve(folder), version };
      const added = await adminApi(command).send<Version>('POST', path`/admin/tenants/${tenant}/adapters`, body);
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

function toRow({ name, version, rank, targets, bytes, digest, createdAt }: Version) {
  return {
    adapter: `${name}@${version}`,
    rank,
    targets: targets.length,
    bytes,
    digest: digest.slice(0, 12),
    added: formatTime(createdAt),
  };
}
