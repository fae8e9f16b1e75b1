import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { AppError } from '../../errors/app-error.js';
import type { TableDigest } from '../../postgres/table-digests.js';
import { lockDataDir } from '../../sqlite/data-lock.js';
import { ownerOption } from '../options.js';
import { show } from '../show.js';
import type { Terminal } from '../terminal.js';

const NO_OWNER =
  'database.url is set, and the role that is to own the tables of documents is not named. Add --owner-url, or leave database.url empty to move the registry alone';

/** All that a gateway knows, between a data folder and PostgreSQL: what registry.url and database.url are set for. */
export function addMove(program: Command, terminal: Terminal): void {
  program
    .command('push')
    .description(
      'put what the data folder holds into PostgreSQL, and compare what arrived: the registry into the empty database of registry.url, the documents into that of database.url, each all or nothing, and where the one or the other is set. The gateway must be stopped; started again, it and others have it there',
    )
    .addOption(ownerOption())
    .option('--remove', 'take the documents out of the data folder once they have arrived')
    .action(async ({ ownerUrl, remove = false }: { ownerUrl?: string; remove?: boolean }, command: Command) => {
      const { pushRegistry } = await import('../../registry/shared/copy.js');
      const { pushDocuments } = await import('../../retrieval/stores/postgres/copy.js');
      const { dataDir, registry, database, retrieval } = configured();
      if (database.url !== '' && ownerUrl === undefined) throw invalid(NO_OWNER);
      if (database.url === '' && remove) throw invalid('database.url is empty. Set it, or leave --remove out');
      const lock = lockDataDir(dataDir);
      try {
        const tables: TableDigest[] = [];
        if (registry.url !== '') tables.push(...(await pushRegistry(dataDir, registry.url)));
        if (ownerUrl !== undefined && database.url !== '') {
          const index = { links: retrieval.indexM, efConstruction: retrieval.efConstruction };
          const documents = await pushDocuments(dataDir, { ownerUrl, url: database.url, ...index, remove });
          tables.push(...documents);
          if (documents.length > 0 && !remove) {
            terminal.err(`The documents are still in ${dataDir} as well. --remove takes them out.\n`);
          }
        }
        if (tables.length === 0) {
          throw invalid(`${dataDir} holds nothing to move. Set SWITCHYARD_DATA to the data folder of a gateway`);
        }
        show(terminal, command, tables, tables.map(toRow));
      } finally {
        await lock.close();
      }
    });

  program
    .command('pull <folder>')
    .description(
      'write the registry of registry.url with all adapters, and the documents of database.url, as they are at this moment, into a new data folder, and compare what arrived; gateways go on meanwhile. A gateway on that folder without these settings has them alone. Documents alone go into any data folder that has none',
    )
    .action(async (folder: string, _options: object, command: Command) => {
      const { pullDocuments } = await import('../../retrieval/stores/postgres/copy.js');
      const { registry, database } = configured();
      const target = resolve(folder);
      const tables: TableDigest[] = [];
      const pullInto = async (place: string) => {
        if (database.url !== '') tables.push(...(await pullDocuments(database.url, place)));
      };
      if (registry.url === '') {
        const lock = lockDataDir(target);
        await pullInto(target).finally(() => lock.close());
      } else {
        const { pullRegistry } = await import('../../registry/shared/copy.js');
        const { replaceFolder } = await import('../../model-import/files/durable.js');
        if ((await readdir(target).catch(() => [])).length > 0) {
          throw new AppError('invalid_value', {
            param: 'folder',
            reason: `${target} is there already; name a new one`,
          });
        }
        await replaceFolder(target, async (temporary) => {
          tables.push(...(await pullRegistry(registry.url, temporary)));
          await pullInto(temporary);
        });
      }
      show(terminal, command, tables, tables.map(toRow));
    });
}

/** @throws AppError `config_invalid` where nothing is to be moved */
function configured(): Config {
  const config = loadConfig();
  if (config.registry.url !== '' || config.database.url !== '') return config;
  throw invalid(
    'registry.url and database.url are empty. Set the one to the URL of the database that gateways share, the other to that of the documents',
  );
}

function invalid(reason: string): AppError {
  return new AppError('config_invalid', { reason });
}

function toRow({ table, rows, digest }: TableDigest) {
  return { table, rows, digest: digest.slice(0, 12) };
}
