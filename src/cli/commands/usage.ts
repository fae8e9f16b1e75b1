import type { Command } from 'commander';
import { adminApi } from '../api.js';
import { show } from '../show.js';
import type { Row, Terminal } from '../terminal.js';

interface UsageOptions {
  readonly by: string;
  readonly csv?: true;
  readonly [filter: string]: string | true | undefined;
}

export function addUsage(program: Command, terminal: Terminal): void {
  program
    .command('usage')
    .description('sum up what was used: answers and tokens')
    .option('--by <what>', 'tenant, key, deployment, version, day, with commas between', 'tenant')
    .option('--tenant <id>', 'of this tenant alone')
    .option('--of-key <id>', 'of this key alone')
    .option('--deployment <name>', 'of this deployment alone')
    .option('--version <version>', 'of this version alone: support@2, or base')
    .option('--from <day>', 'the first day (UTC), as 2026-11-01')
    .option('--to <day>', 'the last day (UTC)')
    .option('--csv', 'as CSV')
    .action(async ({ by, csv, ofKey, ...filter }: UsageOptions, command: Command) => {
      const wanted = { ...filter, key: ofKey, group_by: by, ...(csv && { format: 'csv' }) };
      const given = Object.entries(wanted).filter(([, value]) => value !== undefined) as [string, string][];
      const url = `/admin/usage?${new URLSearchParams(given)}`;
      if (csv) {
        for await (const bytes of await adminApi(command).stream(url)) terminal.out(new TextDecoder().decode(bytes));
        return;
      }
      const report = await adminApi(command).get<{ data: Row[]; total: Row }>(url);
      show(terminal, command, report, [...report.data, total(report)]);
    });
}

/** The last line of the table. */
function total({ data, total: sums }: { data: readonly Row[]; total: Row }): Row {
  const names = Object.keys(data[0] ?? sums);
  return Object.fromEntries(names.map((name, i) => [name, sums[name] ?? (i === 0 ? 'total' : null)]));
}
