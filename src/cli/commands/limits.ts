import { type Command, InvalidArgumentError } from 'commander';
import type { SetLimits } from '../../contracts/quota.js';
import { LIMITS, TENANT_LIMITS } from '../../contracts/registry-limits.js';
import { adminApi, path } from '../api.js';
import { change } from '../change.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

type Name = (typeof TENANT_LIMITS)[number];
type SetOptions = { readonly forKey?: string } & { readonly [N in Name]?: number | 'none' };

const FOR_KEY = ['--for-key <id>', 'the limits of one key, beside those of its tenant'] as const;

export function addLimits(program: Command, terminal: Terminal): void {
  const limits = program.command('limits').description('set how much tenants and their keys may use');
  const showOne = (command: Command, set: SetLimits) => show(terminal, command, set, toRows(set));

  limits
    .command('show <tenant>')
    .description('what a tenant, or one of its keys, may use')
    .option(...FOR_KEY)
    .action(async (tenant: string, { forKey }: SetOptions, command: Command) => {
      showOne(command, await adminApi(command).get<SetLimits>(urlOf(tenant, forKey)));
    });

  const set = limits
    .command('set <tenant>')
    .description('change what is named; the rest stays as it is')
    .option(...FOR_KEY);
  for (const name of TENANT_LIMITS) {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    set.option(`--${flag} <number|none>`, LIMITS[name].description, parseLimit);
  }
  set.action(async (tenant: string, { forKey, ...given }: SetOptions, command: Command) => {
    const [api, url] = [adminApi(command), urlOf(tenant, forKey)];
    const named = Object.entries(given).map(([name, value]) => [name, value === 'none' ? null : value]);
    const set = await change<SetLimits>(api, url, (before) => {
      const all = { ...before?.limits, ...Object.fromEntries(named) };
      // What a key has no limit of is not named: it may be a limit of tenants alone.
      return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
    });
    showOne(command, set);
  });
}

function urlOf(tenant: string, key: string | undefined): string {
  return key === undefined ? path`/admin/tenants/${tenant}/limits` : path`/admin/tenants/${tenant}/keys/${key}/limits`;
}

function parseLimit(text: string): number | 'none' {
  if (text === 'none' || /^\d{1,15}$/.test(text)) return text === 'none' ? text : Number(text);
  throw new InvalidArgumentError('It must be a number, or none.');
}

function toRows({ limits, updatedAt }: SetLimits) {
  return Object.entries(limits).map(([limit, value]) => ({
    limit,
    value: value ?? 'none',
    set: value === null ? null : formatTime(updatedAt),
  }));
}
