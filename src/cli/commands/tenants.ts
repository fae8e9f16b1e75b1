import type { Command } from 'commander';
import type { Tenant } from '../../contracts/registry.js';
import { adminApi } from '../api.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

export function addTenants(program: Command, terminal: Terminal): void {
  const tenants = program.command('tenants').description('create and list tenants');

  tenants
    .command('create <id>')
    .description('create a tenant')
    .option('--name <name>', 'its name for people; the id where left out')
    .action(async (id: string, { name = id }: { name?: string }, command: Command) => {
      const tenant = await adminApi(command).send<Tenant>('POST', '/admin/tenants', { id, name });
      show(terminal, command, tenant, [toRow(tenant)]);
    });

  tenants
    .command('list')
    .description('list tenants')
    .action(async (_options: object, command: Command) => {
      const data = await adminApi(command).list<Tenant>('/admin/tenants');
      show(terminal, command, data, data.map(toRow));
    });
}

function toRow({ id, name, createdAt }: Tenant) {
  return { id, name, created: formatTime(createdAt) };
}
