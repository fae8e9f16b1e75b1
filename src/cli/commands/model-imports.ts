import type { Command } from 'commander';
import { type Api, adminApi, path } from '../api.js';
import { show } from '../show.js';
import { downloadProgress, formatTime, progressLine, type Terminal } from '../terminal.js';
import { requireCompleted, untilOver, waitOption } from '../wait.js';

/** The parts of the API's imports that are shown here. */
interface Import {
  readonly id: string;
  readonly model: string;
  readonly as: string | null;
  readonly status: string;
  readonly progress: number;
  readonly detail: string | null;
  readonly bytes: { readonly done: number; readonly total: number } | null;
  readonly error: { readonly message: string } | null;
  readonly createdAt: number;
}

const LOOK_EVERY_MS = 500;
const URL = '/admin/models/imports';

/** Imports of a gateway that runs; `models pull` works on the data folder itself. */
export function addModelImports(models: Command, terminal: Terminal): void {
  const imports = models
    .command('imports')
    .description('have the gateway that runs fetch and import models, for its next start');
  const showOne = (command: Command, one: Import) => show(terminal, command, one, [toRow(one)]);

  imports
    .command('start <model>')
    .description('a known one, or hub:owner/name[:file]; one at a time, behind the requests')
    .option('--as <id>', 'what a model of the Hub will be called; the name of its file where left out')
    .addOption(waitOption())
    .action(async (model: string, { as, wait }: { as?: string; wait?: true }, command: Command) => {
      const api = adminApi(command);
      const started = await api.send<Import>('POST', URL, { model, as });
      if (wait) return followed(api, started, command);
      showOne(command, started);
    });

  imports
    .command('list')
    .description('list imports that wait, run, or were over in the last week')
    .action(async (_options: object, command: Command) => {
      const all = await adminApi(command).list<Import>(URL);
      show(terminal, command, all, all.map(toRow));
    });

  imports
    .command('show <id>')
    .description('how far an import is')
    .addOption(waitOption())
    .action(async (id: string, { wait }: { wait?: true }, command: Command) => {
      const api = adminApi(command);
      const one = await api.get<Import>(path`/admin/models/imports/${id}`);
      if (wait) return followed(api, one, command);
      showOne(command, one);
    });

  imports
    .command('cancel <id>')
    .description('call off an import; what was downloaded stays')
    .action(async (id: string, _options: object, command: Command) => {
      showOne(command, await adminApi(command).send<Import>('POST', path`/admin/models/imports/${id}/cancel`));
    });

  /** @throws ApiFailure where it failed or was called off */
  async function followed(api: Api, begun: Import, command: Command): Promise<void> {
    const progress = progressLine(terminal);
    let bar: ((bytesDone: number) => string) | null = null;
    const showProgress = (one: Import) => {
      if (one.bytes !== null && one.bytes.total > 0) bar ??= downloadProgress(one.bytes.total, Date.now);
      const isDownload = one.bytes !== null && one.bytes.done < one.bytes.total;
      progress.update(`${one.model}: ${one.detail ?? one.status}`, isDownload && bar ? bar(one.bytes!.done) : '');
    };
    const look = () => api.get<Import>(path`/admin/models/imports/${begun.id}`);
    const one = await untilOver(begun, LOOK_EVERY_MS, showProgress, look);
    progress.clear();
    showOne(command, one);
    requireCompleted(one);
    terminal.err('Name it in the configuration (models.base, models.embedder, …) and start the gateway anew.\n');
  }
}

function toRow({ id, model, as, status, progress, detail, error, createdAt }: Import) {
  return {
    ...{ id, model, as, status, done: `${Math.floor(progress * 100)} %`, detail },
    started: formatTime(createdAt),
    reason: error?.message ?? null,
  };
}
