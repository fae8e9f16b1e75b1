import { type Command, InvalidArgumentError } from 'commander';
import type { ApiKeyInfo, NewKey } from '../../contracts/registry.js';
import { SCOPES } from '../../contracts/registry-limits.js';
import { adminApi, path } from '../api.js';
import { conditionOf, ifRevisionOption, parseNumber, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

const HOUR_MS = 3_600_000;
const HOURS = { d: 24, h: 1 } as const;

interface ChangeOptions {
  readonly tenant: string;
  readonly ifRevision?: number;
}

interface CreateOptions {
  readonly tenant: string;
  readonly label: string;
  readonly scopes?: readonly string[];
  readonly groups?: readonly string[];
  readonly expires?: number;
}

export function addKeys(program: Command, terminal: Terminal): void {
  const keys = program.command('keys').description('create, list, rotate and revoke API keys');

  keys
    .command('create')
    .description('create a key; its secret is shown this once')
    .addOption(tenantOption())
    .option('--label <label>', 'who uses it', '')
    .option('--scopes <scope...>', `${SCOPES.join(', ')} (default: inference, and documents where no groups are given)`)
    .option('--groups <group...>', 'whose documents are found with it, beside those that are for everybody')
    .option('--expires <when>', 'from when on it opens nothing: 90d, 12h, or a date as 2027-01-31', parseExpiry)
    .action(async ({ tenant, label, scopes, groups = [], expires }: CreateOptions, command: Command) => {
      const usual = groups.length === 0 ? ['inference', 'documents'] : ['inference'];
      const body = { label, scopes: scopes ?? usual, groups, expiresAt: expires };
      const key = await adminApi(command).send<NewKey>('POST', path`/admin/tenants/${tenant}/keys`, body);
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
    .addOption(ifRevisionOption())
    .action(async (id: string, { tenant, ...condition }: ChangeOptions, command: Command) => {
      const url = path`/admin/tenants/${tenant}/keys/${id}`;
      const key = await adminApi(command).send<ApiKeyInfo>('DELETE', url, undefined, conditionOf(condition));
      show(terminal, command, key, [toRow(key)]);
    });

  keys
    .command('rotate <id>')
    .description('give a key another secret, which is shown this once')
    .addOption(tenantOption())
    .option('--grace <seconds>', 'how long the secret of before opens still', parseNumber, 0)
    .addOption(ifRevisionOption())
    .action(async (id: string, options: ChangeOptions & { grace: number }, command: Command) => {
      const { tenant, grace, ...condition } = options;
      const url = path`/admin/tenants/${tenant}/keys/${id}/rotate`;
      const body = { graceMs: Math.round(grace * 1000) };
      const key = await adminApi(command).send<NewKey>('POST', url, body, conditionOf(condition));
      show(terminal, command, key, [{ ...toRow(key), secret: key.secret }]);
    });

  keys
    .command('scopes <id>')
    .description('change what a key may do; its secret stays')
    .addOption(tenantOption())
    .requiredOption('--scopes <scope...>', SCOPES.join(', '))
    .addOption(ifRevisionOption())
    .action(async (id: string, options: ChangeOptions & { scopes: string[] }, command: Command) => {
      const { tenant, scopes, ...condition } = options;
      const url = path`/admin/tenants/${tenant}/keys/${id}/scopes`;
      const key = await adminApi(command).send<ApiKeyInfo>('PUT', url, { scopes }, conditionOf(condition));
      show(terminal, command, key, [toRow(key)]);
    });
}

/** The time of a date, or that long from now. */
function parseExpiry(text: string): number {
  const span = /^([1-9]\d*)([dh])$/.exec(text);
  const at = span ? Date.now() + Number(span[1]) * HOURS[span[2] as keyof typeof HOURS] * HOUR_MS : Date.parse(text);
  if (Number.isNaN(at)) throw new InvalidArgumentError('It must be a span as 90d or 12h, or a date as 2027-01-31.');
  return at;
}

function toRow({ id, label, scopes, groups, revision, ...times }: ApiKeyInfo) {
  return {
    id,
    label,
    scopes: scopes.join(', '),
    groups: groups.join(', '),
    created: formatTime(times.createdAt),
    used: formatTime(times.lastUsedAt),
    expires: formatTime(times.expiresAt),
    revoked: formatTime(times.revokedAt),
    revision,
  };
}
