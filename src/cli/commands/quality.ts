import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { adminApi, path } from '../api.js';
import { parseNumber, tenantOption } from '../options.js';
import { toHtml } from '../quality/html.js';
import { type Report, toPage } from '../quality/page.js';
import { show } from '../show.js';
import type { Terminal } from '../terminal.js';

interface ReportOptions {
  readonly tenant: string;
  readonly days: number;
  readonly html?: string;
}

export function addQuality(program: Command, terminal: Terminal): void {
  const quality = program.command('quality').description('what answers were worth');

  quality
    .command('report <deployment>')
    .description('versions side by side, days, and the topics and documents that are answered worst from')
    .addOption(tenantOption())
    .option('--days <days>', 'of the last days', parseNumber, 7)
    .option('--html <file>', 'a page with plots of each version over the days, into this file')
    .action(async (deployment: string, { tenant, days, html }: ReportOptions, command: Command) => {
      const url = `${path`/admin/tenants/${tenant}/deployments/${deployment}/quality`}?days=${days}`;
      const report = await adminApi(command).get<Report>(url);
      const { json } = command.optsWithGlobals<{ json?: boolean }>();
      if (html !== undefined) {
        writeFileSync(html, toHtml(report, { title: `${deployment} of ${tenant}`, days, madeAtMs: Date.now() }));
        terminal.err(`Written to ${html}.\n`);
      } else terminal.out(json ? `${JSON.stringify(report, null, 2)}\n` : toPage(report));
    });

  quality
    .command('reset-baseline <deployment>')
    .description('measure drift against what comes from now on: the next 1,000 judged answers are the baseline')
    .addOption(tenantOption())
    .action(async (deployment: string, { tenant }: { tenant: string }, command: Command) => {
      const url = path`/admin/tenants/${tenant}/deployments/${deployment}/baseline`;
      const deleted = await adminApi(command).send<{ deleted: number }>('DELETE', url);
      show(terminal, command, deleted, [deleted]);
    });
}
