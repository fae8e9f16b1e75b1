import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { BackedUpFile } from '../../backup/backup.js';
import { loadConfig } from '../../config/load.js';
import { databasesOf } from '../../sqlite/databases.js';
import { show } from '../show.js';
import type { Terminal } from '../terminal.js';

/** These work on the data folder itself: a backup beside a running gateway, a restoration only without one. */
export function addBackup(program: Command, terminal: Terminal): void {
  program
    .command('backup <folder>')
    .description(
      'copy the databases, the adapters and the key of the audit log from the data folder into a new one, while the gateway goes on, and open the copies',
    )
    .action(async (folder: string, _options: object, command: Command) => {
      const { backUp } = await import('../../backup/backup.js');
      const config = loadConfig();
      const files = await backUp(config.dataDir, resolve(folder), databasesOf(config));
      show(terminal, command, files, files.map(toRow));
    });

  program
    .command('restore <folder>')
    .description(
      'put a backup in the place of what the data folder holds, which is kept; the gateway must be stopped. "latest" is the newest one of the schedule',
    )
    .option('--from-store', 'from the store of backup.s3Url, by its name there')
    .action(async (folder: string, { fromStore = false }: { fromStore?: boolean }, command: Command) => {
      const { restore } = await import('../../backup/backup.js');
      const { fetched, newest } = await import('../../backup/restored.js');
      const config = loadConfig();
      const from = !fromStore && folder === 'latest' ? await newest(config.backup.folder) : resolve(folder);
      const done = fromStore
        ? await fetched(config, folder, (copy) => restore(copy, config.dataDir))
        : await restore(from, config.dataDir);
      const { files, kept } = done;
      const restored = fromStore ? `${folder} of the store` : from;
      terminal.err(`Restored ${restored}. What was there before is in ${kept}.\n`);
      show(terminal, command, { files, kept }, files.map(toRow));
    });
}

function toRow({ file, rows, bytes, sha256 }: BackedUpFile) {
  return { file, rows, bytes, digest: sha256.slice(0, 12) };
}
