import { type Command, InvalidArgumentError } from 'commander';
import type { AdapterVersion } from '../../contracts/registry.js';
import type { EvaluationReport, VersionEvent, VersionStatus } from '../../contracts/versions.js';
import { adminApi, path } from '../api.js';
import { parseNumber, parseVersion, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

/** What the admin API tells of one version. */
type Version = Omit<AdapterVersion, 'compiledFile'> & {
  readonly stableOf: readonly string[];
  readonly canaryOf: readonly string[];
};

interface EvaluatedOptions {
  readonly tenant: string;
  readonly name: string;
  readonly figures: Readonly<Record<string, number>>;
  readonly dataDigest?: string;
}

const CHANGES: readonly (readonly [string, VersionStatus, string])[] = [
  ['approve', 'approved', 'let a version become stable or canary, also one that was taken back'],
  ['quarantine', 'quarantined', 'take a version back: only who may choose versions reaches it, by naming it'],
  ['revoke', 'revoked', 'stop a version at once, for good: the next request that it would answer is refused'],
  ['retire', 'retired', 'take a version that nothing serves out of use'],
];

export function addVersions(adapters: Command, terminal: Terminal): void {
  const pathOf = (tenant: string, { adapter, version }: ReturnType<typeof parseVersion>) =>
    path`/admin/tenants/${tenant}/adapters/${adapter}/versions/${String(version)}`;

  for (const [name, status, description] of CHANGES) {
    adapters
      .command(`${name} <name@version>`)
      .description(description)
      .addOption(tenantOption())
      .action(async (which: string, { tenant }: { tenant: string }, command: Command) => {
        const url = `${pathOf(tenant, parseVersion(which))}/status`;
        const version = await adminApi(command).send<Version>('PUT', url, { status });
        show(terminal, command, version, [toStatusRow(version)]);
        if (status === 'revoked' && version.stableOf.length > 0) {
          const remedy = 'Roll back, or set another stable version.';
          terminal.err(`Requests to ${version.stableOf.join(', ')} are refused now. ${remedy}\n`);
        }
      });
  }

  adapters
    .command('card <name@version>')
    .description('the model card of a version, in Markdown: lineage, training, evaluations, history')
    .addOption(tenantOption())
    .action(async (which: string, { tenant }: { tenant: string }, command: Command) => {
      const card = await adminApi(command).stream(`${pathOf(tenant, parseVersion(which))}/card`);
      terminal.out(await new Response(card).text());
    });

  adapters
    .command('bom <name@version>')
    .description('the bill of materials of a version (CycloneDX 1.6, JSON)')
    .addOption(tenantOption())
    .action(async (which: string, { tenant }: { tenant: string }, command: Command) => {
      const bom = await adminApi(command).get<object>(`${pathOf(tenant, parseVersion(which))}/bom`);
      terminal.out(`${JSON.stringify(bom, null, 2)}\n`);
    });

  adapters
    .command('evaluated <name@version>')
    .description('add what was measured of a version')
    .addOption(tenantOption())
    .requiredOption('--name <text>', 'what was measured, on which questions')
    .requiredOption('--figures <name=number...>', 'the figures', addFigure)
    .option('--data-digest <sha256>', 'SHA-256 of the questions')
    .action(async (which: string, { tenant, name, figures, dataDigest }: EvaluatedOptions, command: Command) => {
      const url = `${pathOf(tenant, parseVersion(which))}/evaluations`;
      const report = { name, figures, dataDigest };
      const added = await adminApi(command).send<EvaluationReport>('POST', url, report);
      show(terminal, command, added, [{ adapter: which, name: added.name, ...added.figures }]);
    });

  adapters
    .command('delete <name@version>')
    .description('delete a version that nothing serves or names, with its files')
    .addOption(tenantOption())
    .action(async (which: string, { tenant }: { tenant: string }, command: Command) => {
      const deleted = await adminApi(command).send<Version>('DELETE', pathOf(tenant, parseVersion(which)));
      show(terminal, command, deleted, [{ deleted: which, digest: deleted.digest.slice(0, 12) }]);
    });

  adapters
    .command('history <name@version>')
    .description('who changed the status of a version and why, newest first')
    .addOption(tenantOption())
    .action(async (which: string, { tenant }: { tenant: string }, command: Command) => {
      const events = await adminApi(command).list<VersionEvent>(`${pathOf(tenant, parseVersion(which))}/events`);
      show(terminal, command, events, events.map(toEventRow));
    });
}

function addFigure(text: string, before: Readonly<Record<string, number>> = {}): Record<string, number> {
  const match = /^([^=]+)=(.+)$/.exec(text);
  if (!match) throw new InvalidArgumentError('A figure must look like groundedness=0.91.');
  return { ...before, [match[1]!]: parseNumber(match[2]!) };
}

function toStatusRow({ name, version, status, stableOf, canaryOf }: Version) {
  return {
    adapter: `${name}@${version}`,
    status,
    'stable of': stableOf.join(', '),
    'canary of': canaryOf.join(', '),
  };
}

function toEventRow({ from, to, actor, reason, createdAt }: VersionEvent) {
  return { from, to, by: actor, at: formatTime(createdAt), reason };
}
