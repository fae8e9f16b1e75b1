import type { Command } from 'commander';
import type { Capture, CaptureInfo } from '../../contracts/captures.js';
import { adminApi, path } from '../api.js';
import { parseNumber, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

export function addCaptures(program: Command, terminal: Terminal): void {
  const captures = program
    .command('captures')
    .description('read the texts of answers, where a tenant wants some kept (tenants policy --capture-rate)');

  captures
    .command('list')
    .description('list answers whose texts were kept, the newest first, without them')
    .addOption(tenantOption())
    .option('--limit <count>', 'at most so many', parseNumber, 50)
    .action(async ({ tenant, limit }: { tenant: string; limit: number }, command: Command) => {
      const url = `${path`/admin/tenants/${tenant}/captures`}?limit=${limit}`;
      const data = await adminApi(command).list<CaptureInfo>(url);
      const rows = data.map(({ answerId: answer, createdAt, deployment, adapter, redacted }) => ({
        answer,
        created: formatTime(createdAt),
        deployment,
        adapter,
        redacted,
      }));
      show(terminal, command, data, rows);
    });

  captures
    .command('show <answer>')
    .description('print question, passages and answer; the audit log says who did, and why (--reason)')
    .addOption(tenantOption())
    .action(async (answer: string, { tenant }: { tenant: string }, command: Command) => {
      const capture = await adminApi(command).get<Capture>(path`/admin/tenants/${tenant}/captures/${answer}`);
      const { json } = command.optsWithGlobals<{ json?: boolean }>();
      terminal.out(json ? `${JSON.stringify(capture, null, 2)}\n` : toPage(capture));
    });

  captures
    .command('delete <answer>')
    .description('delete the texts of an answer; its record stays')
    .addOption(tenantOption())
    .action(async (answer: string, { tenant }: { tenant: string }, command: Command) => {
      const url = path`/admin/tenants/${tenant}/captures/${answer}`;
      const deleted = await adminApi(command).send<{ deleted: number }>('DELETE', url);
      show(terminal, command, deleted, [deleted]);
    });
}

function toPage({ question, passages, answer }: Capture): string {
  const parts = passages.map(({ title, text }) => `Passage: ${title}\n${text}`);
  return `${[`Question\n${question}`, ...parts, `Answer\n${answer}`].join('\n\n')}\n`;
}
