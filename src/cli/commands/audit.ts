import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.js';
import type { AuditCheckpoint, AuditEntry } from '../../contracts/audit.js';
import { AppError } from '../../errors/app-error.js';
import { adminApi, path } from '../api.js';
import { parseNumber, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

interface VerifyOptions {
  readonly checkpoint?: string;
  readonly publicKey?: string;
}

interface AuditLines {
  readonly data: readonly AuditEntry[];
}

interface ListOptions {
  readonly tenant: string;
  readonly limit: number;
}

/** All but `list` work on the data folder itself, beside a running gateway or without one. */
export function addAudit(program: Command, terminal: Terminal): void {
  const audit = program.command('audit').description('see who changed what, and prove that nothing of it was altered');

  audit
    .command('list')
    .description("list a tenant's changes, the newest first; --tenant '*': the gateway's settings")
    .addOption(tenantOption())
    .option('--limit <number>', 'lines, at most', parseNumber, 20)
    .action(async ({ tenant, limit }: ListOptions, command: Command) => {
      const url = tenant === '*' ? '/admin/audit' : path`/admin/tenants/${tenant}/audit`;
      const page = await adminApi(command).get<AuditLines>(`${url}?limit=${limit}`);
      const rows = page.data.map(({ seq, at, actor, action, subject }) => ({
        line: seq,
        at: formatTime(at),
        by: actor.id,
        action,
        subject,
        reason: actor.reason,
      }));
      show(terminal, command, page, rows);
    });

  audit
    .command('verify')
    .description('read every line of the data folder, and fail where one was changed, removed, added or moved')
    .option('--checkpoint <file>', 'checkpoints that were kept elsewhere, as `audit checkpoint` wrote them')
    .option('--public-key <file>', "PEM that signatures are checked with; that of the data folder's key where left out")
    .action(async ({ checkpoint, publicKey: pem }: VerifyOptions, command: Command) => {
      const { verifyLogs } = await import('../../audit/verify.js');
      const { readPublicKey } = await import('../../audit/signing-key.js');
      const { dataDir } = loadConfig();
      const publicKey = pem === undefined ? readPublicKey(dataDir) : parseKey(command, pem);
      const known = checkpoint === undefined ? [] : parseCheckpoints(command, checkpoint);
      const reports = verifyLogs(dataDir, publicKey, known);
      const rows = reports.map(({ problem, ...report }) => ({ ...report, state: problem ?? 'sound' }));
      show(terminal, command, reports, rows);
      const broken = reports.find(({ problem }) => problem !== null);
      if (broken) throw new AppError('audit_broken', { ...broken, problem: broken.problem! });
    });

  audit
    .command('checkpoint')
    .description('write how far every log goes, signed, as JSON lines: keep them where nobody can change them')
    .action(async () => {
      const { readCheckpoints } = await import('../../audit/verify.js');
      for (const one of readCheckpoints(loadConfig().dataDir)) terminal.out(`${JSON.stringify(one)}\n`);
    });

  audit
    .command('export')
    .description('write all lines as JSON lines for a SIEM: events of OCSF, class Entity Management')
    .option('--tenant <id>', 'of this tenant alone')
    .option('--raw', 'as they are in the log')
    .action(async ({ tenant = null, raw }: { tenant?: string | null; raw?: true }) => {
      const { readEntries } = await import('../../audit/verify.js');
      const { toOcsf } = await import('../../audit/ocsf.js');
      for (const entry of readEntries(loadConfig().dataDir, tenant)) {
        terminal.out(`${JSON.stringify(raw ? entry : toOcsf(entry))}\n`);
      }
    });
}

function parseKey(command: Command, file: string): KeyObject {
  try {
    return createPublicKey(readFileSync(file));
  } catch (error) {
    return command.error(`error: ${file} is no public key in PEM: ${(error as Error).message}`);
  }
}

function parseCheckpoints(command: Command, file: string): AuditCheckpoint[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as AuditCheckpoint);
  } catch (error) {
    return command.error(`error: ${file} has no checkpoints as JSON lines: ${(error as Error).message}`);
  }
}
