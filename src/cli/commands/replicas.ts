import type { Command } from 'commander';
import type { ReplicaStatus } from '../../contracts/generator.js';
import { adminApi } from '../api.js';
import { show } from '../show.js';
import type { Terminal } from '../terminal.js';

type Replica = ReplicaStatus & { readonly engine: string };

export function addReplicas(program: Command, terminal: Terminal): void {
  const replicas = program
    .command('replicas')
    .description('the servers that answer in place of the embedded engine, or beside it');

  replicas
    .command('list')
    .description('list them, as this gateway sees them')
    .action(async (_options: object, command: Command) => {
      const data = await adminApi(command).list<Replica>('/admin/replicas');
      show(terminal, command, data, data.map(toRow));
    });

  for (const [name, draining, description] of [
    ['drain', true, 'let it end what it has, and give it nothing new'],
    ['resume', false, 'let it take traffic again'],
  ] as const) {
    replicas
      .command(`${name} <url>`)
      .description(description)
      .action(async (url: string, _options: object, command: Command) => {
        const body = { url, draining };
        const replica = await adminApi(command).send<Replica>('POST', '/admin/replicas/drain', body);
        show(terminal, command, replica, [toRow(replica)]);
      });
  }
}

function toRow({ engine, url, state, reason, slots, inFlight, outstandingTokens, others, adapters }: Replica) {
  return {
    ...{ engine, replica: url, state, requests: `${inFlight} of ${slots}`, others, tokens: outstandingTokens },
    ...{ adapters: adapters.length, reason: reason ?? '' },
  };
}
