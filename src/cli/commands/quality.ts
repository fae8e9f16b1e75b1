import type { Command } from 'commander';
import type { QualityGroup, QualityReport } from '../../contracts/registry.js';
import { adminApi, path } from '../api.js';
import { parseNumber, tenantOption } from '../options.js';
import { formatTable, type Terminal } from '../terminal.js';

interface ReportOptions {
  readonly tenant: string;
  readonly days: number;
}

export function addQuality(program: Command, terminal: Terminal): void {
  const quality = program.command('quality').description('what answers were worth');

  quality
    .command('report <deployment>')
    .description('versions side by side, days, and the topics that are answered worst')
    .addOption(tenantOption())
    .option('--days <days>', 'of the last days', parseNumber, 7)
    .action(async (deployment: string, { tenant, days }: ReportOptions, command: Command) => {
      const url = `${path`/admin/tenants/${tenant}/deployments/${deployment}/quality`}?days=${days}`;
      const report = await adminApi(command).get<QualityReport>(url);
      const { json } = command.optsWithGlobals<{ json?: boolean }>();
      terminal.out(json ? `${JSON.stringify(report, null, 2)}\n` : toPage(report));
    });
}

function toPage({ versions, days, worstTopics }: QualityReport): string {
  const part = (title: string, first: string, groups: readonly QualityGroup[]) =>
    `${title}\n${formatTable(groups.map((group) => toRow(first, group)))}`;
  return [
    part('Versions', 'version', versions),
    part('Days', 'day', days),
    part('Topics, the least grounded first', 'topic', worstTopics),
  ].join('\n');
}

function toRow(first: string, group: QualityGroup) {
  const percent = (share: number | null) => (share === null ? null : `${(100 * share).toFixed(1)} %`);
  return {
    [first]: group.name,
    answers: group.answers,
    grounded: group.groundedness === null ? null : group.groundedness.toFixed(3),
    cited_right: percent(group.citationValidity),
    refused: percent(group.refusals),
    cut_off: percent(group.truncations),
    words: group.words === null ? null : Math.round(group.words),
    first_token_ms: group.firstTokenMs === null ? null : Math.round(group.firstTokenMs),
    thumbs_down: group.thumbsDown,
  };
}
