import { type Command, Option } from 'commander';
import { ApiFailure, path, tenantApi } from '../api.js';
import { show } from '../show.js';
import { findStore, storeOption } from '../store.js';
import type { Terminal } from '../terminal.js';

interface AllowOptions {
  readonly store?: string;
  readonly groups?: readonly string[];
  readonly everybody?: true;
}

interface StoreFile {
  readonly id: string;
  readonly vector_store_id: string;
  readonly status: string;
  readonly allowed_groups: readonly string[];
}

/** `documents allow` */
export function addAllow(documents: Command, terminal: Terminal): void {
  documents
    .command('allow <file-id>')
    .description('say who may find a document from now on; without --groups and --everybody, show who may')
    .addOption(storeOption())
    .option('--groups <group...>', 'callers of one of these groups')
    .addOption(new Option('--everybody', 'everybody of the tenant').conflicts('groups'))
    .action(async (id: string, { store, groups, everybody }: AllowOptions, command: Command) => {
      const api = tenantApi(command);
      const storePath = await findStore(api, store);
      if (storePath === null)
        throw new ApiFailure(null, 'The tenant has no vector store, so nobody finds the document.');
      const url = storePath + path`/files/${id}`;
      const allowed = everybody ? [] : groups;
      const file = allowed
        ? await api.send<StoreFile>('POST', url, { allowed_groups: allowed })
        : await api.get<StoreFile>(url);
      show(terminal, command, file, [toRow(file)]);
    });
}

function toRow({ id, vector_store_id: store, status, allowed_groups: groups }: StoreFile) {
  return { id, store, status, groups: groups.length === 0 ? 'everybody' : groups.join(', ') };
}
