import type { Command } from 'commander';
import type { ApiKeyInfo } from '../../contracts/registry.js';
import { SCOPES } from '../../contracts/registry-limits.js';
import { adminApi, path } from '../api.js';
import { tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

interface CreateOptions {
  readonly tenant: string;
  readonly label: string;
  readonly scopes?: readonly string[];
  readonly groups?: readonly string[];
}

export function addKeys(program: Command, terminal: Terminal): void {
  const keys = program.command('keys').description('create, list and revoke API keys');

  keys
    .command('create')
    .description('create a key; its secret is shown this once')
    .addOption(tenantOption())
    .option('--label <label>', 'who uses it', '')
    .option('--scopes <scope...>', `${SCOPES.join(', ')} (default: inference, and documents where no groups are given)`)
    .option('--groups <group...>', 'whose documents are found with it, beside those that are for everybody')
    .action(async ({ tenant, label, scopes, groups = [] }: CreateOptions, command: Command) => {
      const usual = groups.length === 0 ? ['inference', 'documents'] : ['inference'];
      const body = { label, scopes: scopes ?? usual, groups };
      const key = await adminApi(command).send<ApiKeyInfo & { secret: string }>(
        'POST',
        path`/admin/tenants/${tenant}/keys`,
        body,
      );
      show(terminal, command, key, [{ ...toRow(key), secret: key.secret }]);
    });

  keys
    .command('list')
    .description("list a tenant's keys")
    .addOption(tenantOption())
    .action(async ({ tenant }: { tenant: string }, command: Command) => {
      const data = await adminApi(command).list<ApiKeyInfo>(path`/admin/tenants/${tenant}/keys`);
      show(terminal, command, data, data.map(toRow));
    });

  keys
    .command('revoke <id>')
    .description('revoke a key; the next request with it is refused')
    .addOption(tenantOption())
    .action(async (id: string, { tenant }: { tenant: string }, command: Command) => {
      const key = await adminApi(command).send<ApiKeyInfo>('DELETE', path`/admin/tenants/${tenant}/keys/${id}`);
      show(terminal, command, key, [toRow(key)]);
    });
}

function toRow({ id, label, scopes, groups, createdAt, revokedAt }: ApiKeyInfo) {
  return {
    id,
    label,
    scopes: scopes.join(', '),
    groups: groups.join(', '),
    created: formatTime(createdAt),
    revoked: formatTime(revokedAt),
  };
}
