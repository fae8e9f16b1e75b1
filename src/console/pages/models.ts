import { path } from '../api.js';
import type { Context } from '../context.js';
import { type Child, fill, h } from '../dom.js';
import { bytes, time } from '../format.js';
import { ask } from '../parts/dialog.js';
import { input, reasonField, reasonHeader } from '../parts/fields.js';
import { isOver, jobState, whenOver } from '../parts/job-state.js';
import { badge, button, empty, failure, page, rowButton, section } from '../parts/layout.js';
import { poll } from '../parts/poll.js';
import { table } from '../parts/table.js';
import type { ModelImportWire, ModelWire } from '../wire.js';

const EVERY_MS = 2000;
const KINDS: Readonly<Record<ModelWire['kind'], string>> = {
  base: 'base model',
  embedder: 'embedding model',
  ner: 'names and addresses',
};

/** The models of the gateway's data folder, and those on their way there. */
export async function models(context: Context): Promise<HTMLElement> {
  const { admin } = context;
  const [known, imports, trouble] = [h('div', {}), h('div', {}), h('div', {})];
  const tell = whenOver<ModelImportWire>((one) => context.say(endOf(one)));
  const refresh = async () => {
    const [all, jobs] = await Promise.all([
      admin.list<ModelWire>('/admin/models'),
      admin.list<ModelImportWire>('/admin/models/imports'),
    ]);
    if (context.left.aborted) return;
    fill(
      known,
      modelsTable(all, jobs, (model) => void start(model)),
    );
    fill(
      imports,
      importsTable(jobs, (one) => void cancel(one)),
    );
    tell(jobs);
  };
  const failed = (error: unknown) => fill(trouble, error !== null && failure(error));
  const look = () => void refresh().catch(failed);
  await refresh();
  poll(context.left, EVERY_MS, refresh, failed);
  return page(
    'Models',
    {
      lead: 'What the gateway can be started with. An import is for the next start that names it in the configuration; what is in use stays as it is.',
      actions: [button('Import a model', () => void start(''), 'main')],
    },
    trouble,
    section('Imports', {}, imports),
    section('Known models', {}, known),
  );

  async function start(model: string): Promise<void> {
    const isDone = await ask({
      title: 'Import a model',
      text: 'It is fetched and imported behind the requests, by a process of its own, one at a time; it goes on after a restart.',
      fields: [
        input('Model', { name: 'model', required: true, maxlength: 500, value: model }, [
          'Id of a known one, or of the Hugging Face Hub ',
          h('code', {}, 'hub:owner/name[:file]'),
          '.',
        ]),
        input('Called', { name: 'as', maxlength: 100 }, 'For one of the Hub. Empty: as its file.'),
        reasonField(),
      ],
      action: 'Import the model',
      submit: (values) => {
        const as = values.text('as');
        const body = { model: values.text('model'), ...(as !== '' && { as }) };
        return admin.send('POST', '/admin/models/imports', body, reasonHeader(values.text('reason')));
      },
    });
    if (!isDone) return;
    context.say('The import is begun as soon as no other is under way.');
    look();
  }

  async function cancel(one: ModelImportWire): Promise<void> {
    const isDone = await ask({
      title: `Cancel the import of ${nameOf(one)}?`,
      text: 'What was downloaded stays, and is not downloaded again.',
      fields: [reasonField()],
      action: 'Cancel the import',
      isDangerous: true,
      submit: (values) =>
        admin.send('POST', path`/admin/models/imports/${one.id}/cancel`, null, reasonHeader(values.text('reason'))),
    });
    if (isDone) look();
  }
}

function modelsTable(
  models: readonly ModelWire[],
  imports: readonly ModelImportWire[],
  start: (model: string) => void,
): HTMLElement {
  const underWay = new Set(imports.filter((one) => !isOver(one)).map(({ model }) => model));
  return table<ModelWire>(
    'Known models',
    [
      { title: 'Model', cell: ({ id }) => h('code', {}, id) },
      { title: 'Kind', cell: ({ kind }) => KINDS[kind] },
      { title: 'State', cell: (model) => stateOf(model) },
      { title: 'Size', cell: (model) => (model.isImported ? bytes(model.bytes) : '–'), isNumber: true },
      {
        title: 'Import',
        isAction: true,
        cell: ({ id, isImported }) => !isImported && !underWay.has(id) && rowButton('Import', id, () => start(id)),
      },
    ],
    models,
    empty('No models.'),
  );
}

function stateOf({ isInUse, isImported }: ModelWire): Child {
  if (isInUse) return badge('in use', 'good');
  return isImported ? badge('imported') : h('span', { class: 'muted' }, 'not imported');
}

function importsTable(imports: readonly ModelImportWire[], cancel: (one: ModelImportWire) => void): HTMLElement {
  return table<ModelImportWire>(
    'Imports',
    [
      { title: 'Model', cell: ({ model, as }) => [h('code', {}, model), as !== null && ` as ${as}`] },
      { title: 'State', cell: (one) => jobState(one, one.detail ?? 'importing', downloadOf(one)) },
      { title: 'Asked for', cell: ({ createdAt }) => time(createdAt) },
      { title: 'Over', cell: ({ finishedAt }) => (finishedAt === null ? '–' : time(finishedAt)) },
      {
        title: 'Cancel',
        isAction: true,
        cell: (one) => !isOver(one) && rowButton('Cancel', nameOf(one), () => cancel(one)),
      },
    ],
    imports,
    empty('No imports in the last week.', 'Of a gateway that shares its registry: they are made on its machine.'),
  );
}

function downloadOf({ bytes: download }: ModelImportWire): string {
  return download === null || download.total === 0 ? '' : `, ${bytes(download.done)} of ${bytes(download.total)}`;
}

const nameOf = ({ model, as }: ModelImportWire) => as ?? model;

function endOf(one: ModelImportWire): string {
  if (one.status !== 'completed') return `The import of ${nameOf(one)} is ${one.status}.`;
  return `${nameOf(one)} is imported. Name it in the configuration, and start the gateway anew.`;
}
