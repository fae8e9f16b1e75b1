import { type Command, Option } from 'commander';
import { ROLLOUT_EVENTS } from '../../contracts/registry-limits.js';
import type { RolloutEventType } from '../../contracts/rollouts.js';
import type { NewWebhook, Webhook } from '../../contracts/webhooks.js';
import { adminApi, path } from '../api.js';
import { tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

interface AddOptions {
  readonly tenant: string;
  readonly events?: readonly RolloutEventType[];
}

export function addWebhooks(program: Command, terminal: Terminal): void {
  const webhooks = program.command('webhooks').description('tell addresses what is done to rollouts');
  const showSecret = (command: Command, added: NewWebhook) =>
    show(terminal, command, added, [{ ...toRow(added), secret: added.secret }]);

  webhooks
    .command('add <url>')
    .description('post every change of a rollout to an address, signed; the secret is shown once')
    .addOption(tenantOption())
    .addOption(new Option('--events <event...>', 'only these').choices(ROLLOUT_EVENTS))
    .action(async (url: string, { tenant, events }: AddOptions, command: Command) => {
      const to = path`/admin/tenants/${tenant}/webhooks`;
      showSecret(command, await adminApi(command).send<NewWebhook>('POST', to, { url, events }));
    });

  webhooks
    .command('list')
    .description('list them, with what came of the last attempt')
    .addOption(tenantOption())
    .action(async ({ tenant }: { tenant: string }, command: Command) => {
      const data = await adminApi(command).list<Webhook>(path`/admin/tenants/${tenant}/webhooks`);
      show(terminal, command, data, data.map(toRow));
    });

  webhooks
    .command('rotate <id>')
    .description('a new secret; the one before signs beside it for a day')
    .addOption(tenantOption())
    .action(async (id: string, { tenant }: { tenant: string }, command: Command) => {
      const url = path`/admin/tenants/${tenant}/webhooks/${id}/rotate`;
      showSecret(command, await adminApi(command).send<NewWebhook>('POST', url));
    });

  webhooks
    .command('remove <id>')
    .description('tell it nothing any more')
    .addOption(tenantOption())
    .action(async (id: string, { tenant }: { tenant: string }, command: Command) => {
      const removed = await adminApi(command).send<Webhook>('DELETE', path`/admin/tenants/${tenant}/webhooks/${id}`);
      show(terminal, command, removed, [toRow(removed)]);
    });
}

function toRow({ id, url, events, lastAt, lastError }: Webhook) {
  return {
    id,
    url,
    events: events.length === 0 ? 'all' : events.join(', '),
    last: formatTime(lastAt),
    'what came of it': lastAt === null ? null : (lastError ?? 'told'),
  };
}
