import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { Signer } from '../../contracts/registry.js';
import { SIGNER_PURPOSES } from '../../contracts/registry-limits.js';
import { adminApi, path } from '../api.js';
import { tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

interface AddOptions {
  readonly tenant: string;
  readonly publicKey: string;
  readonly for: Signer['purpose'];
}

export function addSigners(program: Command, terminal: Terminal): void {
  const signers = program
    .command('signers')
    .description('name whose signed tokens say which groups the callers of a tenant are in, and who signs adapters');

  signers
    .command('add <name>')
    .description('accept tokens with this name as their kid, or adapters that it signed')
    .addOption(tenantOption())
    .requiredOption('--public-key <file>', 'PEM: Ed25519, P-256 or RSA; for adapters Ed25519')
    .addOption(new Option('--for <purpose>', 'what it signs').choices(SIGNER_PURPOSES).default('groups'))
    .action(async (name: string, { tenant, publicKey: file, for: purpose }: AddOptions, command: Command) => {
      const publicKey = readPem(command, file);
      const url = path`/admin/tenants/${tenant}/signers`;
      const signer = await adminApi(command).send<Signer>('POST', url, { name, publicKey, purpose });
      show(terminal, command, signer, [toRow(signer)]);
    });

  signers
    .command('list')
    .description("list a tenant's signers")
    .addOption(tenantOption())
    .action(async ({ tenant }: { tenant: string }, command: Command) => {
      const data = await adminApi(command).list<Signer>(path`/admin/tenants/${tenant}/signers`);
      show(terminal, command, data, data.map(toRow));
    });

  signers
    .command('remove <name>')
    .description('refuse its tokens from now on')
    .addOption(tenantOption())
    .action(async (name: string, { tenant }: { tenant: string }, command: Command) => {
      const signer = await adminApi(command).send<Signer>('DELETE', path`/admin/tenants/${tenant}/signers/${name}`);
      show(terminal, command, signer, [toRow(signer)]);
    });
}

function readPem(command: Command, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return command.error(`error: ${file} cannot be read: ${(error as Error).message}`);
  }
}

function toRow({ name, purpose, algorithm, createdAt }: Signer) {
  return { name, signs: purpose, algorithm, created: formatTime(createdAt) };
}
