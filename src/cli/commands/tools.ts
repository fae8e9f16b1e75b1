import type { Command } from 'commander';
import type { HttpTool } from '../../contracts/http-tools.js';
import { readTextFile } from '../../files/text-file.js';
import { adminApi, path } from '../api.js';
import { parseNumber, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

interface ImportOptions {
  readonly tenant: string;
  readonly prefix?: string;
  readonly only?: readonly string[];
  readonly secretFile?: string;
  readonly timeout?: number;
}

interface Imported {
  readonly data: readonly HttpTool[];
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
}

export function addTools(program: Command, terminal: Terminal): void {
  const tools = program.command('tools').description('name functions that the gateway calls for deployments');

  tools
    .command('list')
    .description("list a tenant's functions")
    .addOption(tenantOption())
    .action(async ({ tenant }: { tenant: string }, command: Command) => {
      const data = await adminApi(command).list<HttpTool>(path`/admin/tenants/${tenant}/tools`);
      show(terminal, command, data, data.map(toRow));
    });

  tools
    .command('put <name> <file>')
    .description('create or change one, from a JSON file with description, parameters, url and what else it has')
    .addOption(tenantOption())
    .option('--secret-file <file>', 'file of the bearer token that is sent; the one that is there stays otherwise')
    .action(async (name: string, file: string, options: Omit<ImportOptions, 'only' | 'prefix'>, command: Command) => {
      const body = { ...readJson(command, file), ...secretOf(command, options) };
      const url = path`/admin/tenants/${options.tenant}/tools/${name}`;
      const tool = await adminApi(command).send<HttpTool>('PUT', url, body);
      show(terminal, command, tool, [toRow(tool)]);
    });

  tools
    .command('import <url>')
    .description('take over the tools of an MCP server (streamable HTTP), as it describes them now')
    .addOption(tenantOption())
    .option('--prefix <text>', 'put before their names')
    .option('--only <name...>', 'of its tools; all of them otherwise')
    .option('--secret-file <file>', 'file of the bearer token that is sent')
    .option('--timeout <ms>', 'longest time a call may take', parseNumber)
    .action(async (url: string, options: ImportOptions, command: Command) => {
      const { tenant, prefix, only, timeout: timeoutMs } = options;
      const given = { prefix, only, timeoutMs, ...secretOf(command, options) };
      const body = Object.fromEntries(Object.entries({ url, ...given }).filter(([, value]) => value !== undefined));
      const to = path`/admin/tenants/${tenant}/tools/import`;
      const imported = await adminApi(command).send<Imported>('POST', to, body);
      show(terminal, command, imported, imported.data.map(toRow));
      for (const { name, reason } of imported.refused) terminal.err(`${name} was left out: ${reason}\n`);
    });

  tools
    .command('remove <name>')
    .description('remove one that no deployment names')
    .addOption(tenantOption())
    .action(async (name: string, { tenant }: { tenant: string }, command: Command) => {
      const tool = await adminApi(command).send<HttpTool>('DELETE', path`/admin/tenants/${tenant}/tools/${name}`);
      show(terminal, command, tool, [toRow(tool)]);
    });
}

/** From a file: what stands on a command line can be seen by others on the machine. */
function secretOf(command: Command, { secretFile: file }: Pick<ImportOptions, 'secretFile'>): { secret?: string } {
  return file === undefined ? {} : { secret: read(command, file).trim() };
}

function readJson(command: Command, file: string): object {
  try {
    return JSON.parse(read(command, file));
  } catch (error) {
    return command.error(`error: ${file} cannot be read as JSON: ${(error as Error).message}`);
  }
}

function read(command: Command, file: string): string {
  try {
    return readTextFile(file);
  } catch (error) {
    return command.error(`error: ${file} cannot be read: ${(error as Error).message}`);
  }
}

function toRow({ name, url, mcpTool, method, timeoutMs, hasSecret, updatedAt }: HttpTool) {
  return {
    name,
    calls: mcpTool === null ? `${method} ${url}` : `${mcpTool} at ${url}`,
    secret: hasSecret ? 'yes' : 'no',
    timeout: `${timeoutMs} ms`,
    updated: formatTime(updatedAt),
  };
}
