import type { Command } from 'commander';
import type { SafetyPolicy } from '../../contracts/safety.js';
import { readTextFile } from '../../files/text-file.js';
import { adminApi, path } from '../api.js';
import { parseNumber, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

export function addPolicies(program: Command, terminal: Terminal): void {
  const policies = program
    .command('policies')
    .description('write the rules that questions, passages and answers are screened by');

  policies
    .command('list')
    .description("list a tenant's policies")
    .addOption(tenantOption())
    .action(async ({ tenant }: { tenant: string }, command: Command) => {
      const data = await adminApi(command).list<SafetyPolicy>(path`/admin/tenants/${tenant}/policies`);
      show(terminal, command, data, data.map(toRow));
    });

  policies
    .command('put <name> <file>')
    .description('write the next revision, from a JSON file with rules for input, passages and output')
    .addOption(tenantOption())
    .action(async (name: string, file: string, { tenant }: { tenant: string }, command: Command) => {
      const rules = readRules(command, file);
      const url = path`/admin/tenants/${tenant}/policies/${name}`;
      const policy = await adminApi(command).send<SafetyPolicy>('PUT', url, { rules });
      show(terminal, command, policy, [toRow(policy)]);
    });

  policies
    .command('show <name>')
    .description('print the rules of a policy, as `put` takes them')
    .addOption(tenantOption())
    .option('--revision <number>', 'the newest where left out', parseNumber)
    .action(async (name: string, { tenant, revision }: { tenant: string; revision?: number }, command: Command) => {
      const query = revision === undefined ? '' : `?revision=${revision}`;
      const url = `${path`/admin/tenants/${tenant}/policies/${name}`}${query}`;
      terminal.out(`${JSON.stringify((await adminApi(command).get<SafetyPolicy>(url)).rules, null, 2)}\n`);
    });
}

function readRules(command: Command, file: string): object {
  try {
    return JSON.parse(readTextFile(file));
  } catch (error) {
    return command.error(`error: ${file} cannot be read as JSON: ${(error as Error).message}`);
  }
}

function toRow({ name, revision, rules: { input, passages, output }, createdAt }: SafetyPolicy) {
  return {
    name,
    revision,
    input: input.length,
    passages: passages.length,
    output: output.length,
    created: formatTime(createdAt),
  };
}
