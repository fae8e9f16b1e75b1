import type { Command } from 'commander';
import type { Alias } from '../../contracts/versions.js';
import { adminApi, path } from '../api.js';
import { conditionOf, ifRevisionOption, parseVersion, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

interface AliasOptions {
  readonly tenant: string;
  readonly ifRevision?: number;
}

export function addAliases(adapters: Command, terminal: Terminal): void {
  const pathOf = (tenant: string, adapter: string, alias: string) =>
    path`/admin/tenants/${tenant}/adapters/${adapter}/aliases/${alias}`;
  adapters
    .command('alias <name@version> <alias>')
    .description('point an alias at a version: deployment@alias is answered by it from now on')
    .addOption(tenantOption())
    .addOption(ifRevisionOption())
    .action(async (which: string, alias: string, options: AliasOptions, command: Command) => {
      const { adapter, version } = parseVersion(which);
      const url = pathOf(options.tenant, adapter, alias);
      const moved = await adminApi(command).send<Alias>('PUT', url, { version }, conditionOf(options));
      show(terminal, command, moved, [toRow(moved)]);
    });

  adapters
    .command('unalias <name> <alias>')
    .description('remove an alias')
    .addOption(tenantOption())
    .addOption(ifRevisionOption())
    .action(async (name: string, alias: string, options: AliasOptions, command: Command) => {
      const url = pathOf(options.tenant, name, alias);
      const removed = await adminApi(command).send<Alias>('DELETE', url, undefined, conditionOf(options));
      show(terminal, command, removed, [toRow(removed)]);
    });

  adapters
    .command('aliases')
    .description("list the aliases of a tenant's adapters")
    .addOption(tenantOption())
    .action(async ({ tenant }: { tenant: string }, command: Command) => {
      const data = await adminApi(command).list<Alias>(path`/admin/tenants/${tenant}/aliases`);
      show(terminal, command, data, data.map(toRow));
    });
}

function toRow({ adapter, alias, version, revision, updatedAt }: Alias) {
  return { alias: `${adapter}@${alias}`, version, revision, moved: formatTime(updatedAt) };
}
