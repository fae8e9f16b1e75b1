import type { Command } from 'commander';
import { loadConfig } from '../../config/load.js';
import { AppError } from '../../errors/app-error.js';
import { ownerOption } from '../options.js';
import { show } from '../show.js';
import type { Terminal } from '../terminal.js';

/** Works on the database that is configured, with a role that the gateway itself never has. */
export function addDatabase(program: Command, terminal: Terminal): void {
  program
    .command('database')
    .description('the PostgreSQL database of the documents')
    .command('migrate')
    .description(
      'create the tables in the database of database.url, or bring them to what this version needs, and let the role of database.url use them; it is created where there is none. May be run beside running gateways.',
    )
    .addOption(ownerOption().makeOptionMandatory())
    .action(async ({ ownerUrl }: { ownerUrl: string }, command: Command) => {
      const { url } = loadConfig().database;
      if (url === '') {
        throw new AppError('config_invalid', {
          reason: 'database.url is empty. Set it to the URL that the gateway is to use',
        });
      }
      const { migratePostgres } = await import('../../retrieval/stores/postgres/migrate.js');
      const applied = await migratePostgres(ownerUrl, url);
      show(terminal, command, { applied }, [{ applied }]);
    });
}
