import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.js';
import { AppError } from '../../errors/app-error.js';
import { show } from '../show.js';
import type { Terminal } from '../terminal.js';

/** Move the registry between a data folder and the PostgreSQL of registry.url. */
export function addRegistry(program: Command, terminal: Terminal): void {
  const registry = program
    .command('registry')
    .description(
      'tenants, keys, adapters, deployments and records, in a data folder or the PostgreSQL of registry.url',
    );

  registry
    .command('push')
    .description(
      'put the registry of the data folder into the empty database of registry.url, all or nothing, and compare what arrived; the gateway must be stopped. Started again, it and others have it there',
    )
    .action(async (_options: object, command: Command) => {
      const { pushRegistry } = await import('../../registry/shared/copy.js');
      const { lockDataDir } = await import('../../sqlite/data-lock.js');
      const { dataDir } = loadConfig();
      const url = registryUrl();
      const lock = lockDataDir(dataDir);
      try {
        const tables = await pushRegistry(dataDir, url);
        show(terminal, command, tables, tables.map(toRow));
      } finally {
        await lock.close();
      }
    });

  registry
    .command('pull <folder>')
    .description(
      'write the registry of registry.url, as it is at this moment, with all adapters into a new data folder, and compare what arrived; gateways go on meanwhile. A gateway on that folder without registry.url has it alone',
    )
    .action(async (folder: string, _options: object, command: Command) => {
      const { pullRegistry } = await import('../../registry/shared/copy.js');
      const { replaceFolder } = await import('../../model-import/files/durable.js');
      const url = registryUrl();
      const target = resolve(folder);
      if ((await readdir(target).catch(() => [])).length > 0) {
        throw new AppError('invalid_value', { param: 'folder', reason: `${target} is there already; name a new one` });
      }
      let tables: Awaited<ReturnType<typeof pullRegistry>> = [];
      await replaceFolder(target, async (temporary) => {
        tables = await pullRegistry(url, temporary);
      });
      show(terminal, command, tables, tables.map(toRow));
    });
}

function registryUrl(): string {
  const { url } = loadConfig().registry;
  if (url !== '') return url;
  throw new AppError('config_invalid', {
    reason: 'registry.url is empty. Set it to the URL of the database that gateways share',
  });
}

function toRow({ table, rows, digest }: { table: string; rows: number; digest: string }) {
  return { table, rows, digest: digest.slice(0, 12) };
}
