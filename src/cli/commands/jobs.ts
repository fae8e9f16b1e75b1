import { type Command, Option } from 'commander';
import { path, tenantApi } from '../api.js';
import { show } from '../show.js';
import { formatDuration, type Terminal } from '../terminal.js';

/** The parts of the API's jobs that are shown here. */
interface Job {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly status: string;
  readonly attempts: number;
  readonly progress: number;
  readonly estimated_seconds_left: number | null;
  readonly last_error: { readonly message: string } | null;
}

export function addJobs(program: Command, terminal: Terminal): void {
  const jobs = program.command('jobs').description("a tenant's work that goes on behind its requests, with its key");

  jobs
    .command('list')
    .description('the newest jobs: what goes on, waits or is over')
    .addOption(new Option('--kind <kind>', 'only those of this kind').choices(['ingest', 'reembed']))
    .addOption(
      new Option('--status <status>', 'only those that are that far').choices([
        'queued',
        'running',
        'completed',
        'failed',
        'cancelled',
      ]),
    )
    .option('--limit <number>', 'how many', '20')
    .action(async (only: { kind?: string; status?: string; limit: string }, command: Command) => {
      const query = new URLSearchParams(only);
      const data = await tenantApi(command).list<Job>(`/v1/jobs?${query}`);
      show(terminal, command, data, data.map(toRow));
    });

  jobs
    .command('show <id>')
    .description('how far a job is')
    .action(async (id: string, _options: object, command: Command) => {
      const job = await tenantApi(command).get<Job>(path`/v1/jobs/${id}`);
      show(terminal, command, job, [toRow(job)]);
    });

  jobs
    .command('cancel <id>')
    .description('call off a job; one that is over stays as it is')
    .action(async (id: string, _options: object, command: Command) => {
      const job = await tenantApi(command).send<Job>('POST', path`/v1/jobs/${id}/cancel`);
      show(terminal, command, job, [toRow(job)]);
    });
}

function toRow({ id, kind, subject, status, attempts, progress, estimated_seconds_left: left, last_error }: Job) {
  return {
    id,
    kind,
    subject,
    status,
    attempts,
    done: `${Math.floor(progress * 100)} %`,
    left: left === null ? null : formatDuration(left),
    reason: last_error?.message ?? null,
  };
}
