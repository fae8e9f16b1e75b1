import { type Command, Option } from 'commander';
import type { SetDataPolicy, Tenant } from '../../contracts/registry.js';
import { adminApi, path } from '../api.js';
import { change } from '../change.js';
import { conditionOf, ifRevisionOption, parseNumber } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

interface RenameOptions {
  readonly name: string;
  readonly ifRevision?: number;
}

interface PolicyOptions {
  readonly retentionDays?: number;
  readonly maxAnswers?: number;
  readonly trainingConsent?: 'yes' | 'no';
  readonly storeResponses?: 'yes' | 'no';
  readonly captureRate?: number;
  readonly captureDays?: number;
}

export function addTenants(program: Command, terminal: Terminal): void {
  const tenants = program
    .command('tenants')
    .description('create, list and rename tenants, and say what is kept of their answers');

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

  tenants
    .command('rename <id>')
    .description('give a tenant another name for people; its id stays')
    .requiredOption('--name <name>', 'the name')
    .addOption(ifRevisionOption())
    .action(async (id: string, { name, ...condition }: RenameOptions, command: Command) => {
      const url = path`/admin/tenants/${id}`;
      const tenant = await adminApi(command).send<Tenant>('PUT', url, { name }, conditionOf(condition));
      show(terminal, command, tenant, [toRow(tenant)]);
    });

  tenants
    .command('policy <id>')
    .description('show or change how long records of answers are kept, and what may be kept of their texts')
    .option('--retention-days <days>', 'days for which they are kept', parseNumber)
    .option('--max-answers <count>', 'how many are kept; the oldest go first', parseNumber)
    .addOption(new Option('--training-consent <answer>', 'keep and export corrected answers').choices(['yes', 'no']))
    .addOption(new Option('--store-responses <answer>', 'keep the texts of /v1/responses').choices(['yes', 'no']))
    .option(
      '--capture-rate <share>',
      'keep the texts of this share of the answers, without personal data; 0: of none',
      parseNumber,
    )
    .option('--capture-days <days>', 'days for which those are kept', parseNumber)
    .action(
      async (
        id: string,
        { trainingConsent: consent, storeResponses: store, ...limits }: PolicyOptions,
        command: Command,
      ) => {
        const [api, url] = [adminApi(command), path`/admin/tenants/${id}/data-policy`];
        const named = {
          ...limits,
          ...(consent && { trainingConsent: consent === 'yes' }),
          ...(store && { storeResponses: store === 'yes' }),
        };
        const isChanged = Object.keys(named).length > 0;
        const policy = isChanged
          ? await change<SetDataPolicy>(api, url, (before) => ({ ...withoutRevision(before), ...named }))
          : await api.get<SetDataPolicy>(url);
        const [trainingConsent, storeResponses] = [yesOrNo(policy.trainingConsent), yesOrNo(policy.storeResponses)];
        show(terminal, command, policy, [{ ...policy, trainingConsent, storeResponses }]);
      },
    );

  tenants
    .command('forget-user <id> <user>')
    .description("delete the records and captured texts of one user's answers, by the name that the client gave")
    .action(async (id: string, user: string, _options: object, command: Command) => {
      const url = path`/admin/tenants/${id}/users/${user}/answers`;
      const deleted = await adminApi(command).send<{ deleted: number; captures: number }>('DELETE', url);
      show(terminal, command, deleted, [deleted]);
    });
}

function withoutRevision(policy: SetDataPolicy | null): object {
  const { revision: _, ...set } = policy ?? {};
  return set;
}

function yesOrNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

function toRow({ id, name, createdAt, revision }: Tenant) {
  return { id, name, created: formatTime(createdAt), revision };
}
