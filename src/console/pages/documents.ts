import { type Api, path } from '../api.js';
import { type Context, tenantOf } from '../context.js';
import { fill, h, valuesOf } from '../dom.js';
import { bytes, count } from '../format.js';
import { ask } from '../parts/dialog.js';
import { input, select } from '../parts/fields.js';
import { leftOf, progressOf } from '../parts/job-state.js';
import { keyFor } from '../parts/key-needed.js';
import { badge, button, empty, failure, page, rowButton, section, type Tone } from '../parts/layout.js';
import { passageList } from '../parts/passages.js';
import { poll } from '../parts/poll.js';
import { table } from '../parts/table.js';
import { hashOf } from '../router.js';
import type { FileInfo, Found, Job, Store, StoreFile } from '../wire.js';

const EVERY_MS = 2000;
const FOUND = 8;
const TONES: Readonly<Record<StoreFile['status'], Tone>> = {
  completed: 'good',
  in_progress: 'plain',
  failed: 'bad',
  cancelled: 'warn',
};

export async function documents(context: Context): Promise<HTMLElement> {
  const tenant = tenantOf(context);
  const key = keyFor(context, 'Documents', 'documents');
  if (key instanceof HTMLElement) return key;
  const api = context.apiOf(key);
  const stores = await api.list<Store>('/v1/vector_stores?limit=100&order=asc');
  const store = stores.find(({ id }) => id === context.place.item) ?? stores[0];
  const create = button('Create a store', () => void createStore(context, api), store === undefined ? 'main' : 'plain');
  const head = { lead: `What ${tenant}'s answers are taken from. Nobody else's are.`, actions: [create] };
  if (store === undefined) {
    return page(
      'Documents',
      head,
      section('Stores', {}, empty('No vector store yet.', 'Create one, then upload documents.')),
    );
  }
  const files = h('div', {});
  const trouble = h('div', {});
  const refresh = async () => fill(files, await filesTable(context, api, store, () => void refresh().catch(failed)));
  const failed = (error: unknown) => fill(trouble, error !== null && failure(error));
  await refresh();
  poll(context.left, EVERY_MS, refresh, failed);
  return page(
    'Documents',
    head,
    h(
      'div',
      { class: 'row' },
      select(
        'Store',
        {
          onchange: (event: Event) =>
            context.go(hashOf('documents', tenant, (event.target as HTMLSelectElement).value)),
        },
        stores.map(({ id, name, file_counts: counts }) => [id, `${name || id} (${counts.total} files)`] as const),
        store.id,
      ),
    ),
    section('Search', {}, searchBox(api, store)),
    section(
      'Upload',
      {},
      uploadBox(context, api, store, () => void refresh().catch(failed)),
    ),
    section('Files', {}, trouble, files),
  );
}

async function createStore(context: Context, api: Api): Promise<void> {
  let made: Store | null = null;
  await ask({
    title: 'Create a vector store',
    fields: [input('Name', { name: 'name', required: true })],
    action: 'Create the store',
    async submit(values) {
      made = await api.send<Store>('POST', '/v1/vector_stores', { name: values.text('name') });
    },
  });
  if (made === null) return;
  context.say('The store was created.');
  context.go(hashOf('documents', tenantOf(context), (made as Store).id));
}

function searchBox(api: Api, store: Store): HTMLElement {
  const results = h('div', { role: 'region', 'aria-label': 'Search results', 'aria-live': 'polite' });
  const form = h(
    'form',
    { class: 'row' },
    input('Question or words', { name: 'query', type: 'search', required: true, maxlength: 8192 }),
    h('div', {}, h('button', { type: 'submit', class: 'main' }, 'Search')),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const body = { query: valuesOf(form).text('query'), max_num_results: FOUND };
    try {
      const { data } = await api.send<{ data: readonly Found[] }>(
        'POST',
        path`/v1/vector_stores/${store.id}/search`,
        body,
      );
      const passages = data.map((found) => ({
        title: found.heading_path.length > 0 ? `${found.filename}: ${found.heading_path.join(' › ')}` : found.filename,
        text: found.content.map(({ text }) => text).join('\n'),
        score: found.score,
      }));
      fill(
        results,
        data.length === 0 ? empty('Nothing was found.', 'Are the documents read yet?') : passageList(passages),
      );
    } catch (error) {
      fill(results, failure(error));
    }
  });
  return h('div', { class: 'page' }, form, results);
}

function uploadBox(context: Context, api: Api, store: Store, changed: () => void): HTMLElement {
  const state = h('p', { class: 'hint', role: 'status' });
  const trouble = h('div', {});
  const upload = async (files: readonly File[]) => {
    trouble.replaceChildren();
    const failures: string[] = [];
    for (const [i, file] of files.entries()) {
      state.textContent = `Uploading ${file.name} (${i + 1} of ${files.length}) …`;
      const form = new FormData();
      form.append('purpose', 'assistants');
      form.append('file', file);
      try {
        const { id } = await api.send<{ id: string }>('POST', '/v1/files', form);
        await api.send('POST', path`/v1/vector_stores/${store.id}/files`, { file_id: id });
      } catch (error) {
        failures.push(`${file.name}: ${(error as Error).message}`);
      }
    }
    state.textContent = '';
    const done = files.length - failures.length;
    if (done > 0) context.say(`${done} of ${files.length} documents were uploaded; they are being read.`);
    fill(
      trouble,
      failures.map((message) => failure(message)),
    );
    changed();
  };
  const picker = input(
    'Documents',
    { type: 'file', multiple: true },
    'Markdown, text, HTML, PDF, Word, PowerPoint, Excel, e-mail, source code. Or drop them here.',
  );
  picker.addEventListener('change', (event) => {
    const field = event.target as HTMLInputElement;
    void upload([...(field.files ?? [])]).then(() => {
      field.value = '';
    });
  });
  const drop = h('div', { class: 'drop' }, picker, state, trouble);
  drop.addEventListener('dragover', (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
  drop.addEventListener('dragleave', () => drop.classList.remove('over'));
  drop.addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    void upload([...(event.dataTransfer?.files ?? [])]);
  });
  return drop;
}

async function filesTable(context: Context, api: Api, store: Store, changed: () => void): Promise<HTMLElement> {
  const [files, names, running, queued] = await Promise.all([
    api.list<StoreFile>(`${path`/v1/vector_stores/${store.id}/files`}?limit=100`),
    api.list<FileInfo>('/v1/files'),
    api.list<Job>('/v1/jobs?status=running&limit=100'),
    api.list<Job>('/v1/jobs?status=queued&limit=100'),
  ]);
  const nameOf = new Map(names.map(({ id, filename }) => [id, filename]));
  const jobOf = new Map([...running, ...queued].map((job) => [job.subject, job]));
  const remove = async (file: StoreFile, name: string) => {
    const isDone = await ask({
      title: `Delete ${name}?`,
      text: 'No search finds it from the acknowledgement on, in any store, and no answer is taken from it.',
      action: 'Delete',
      isDangerous: true,
      submit: () => api.send('DELETE', path`/v1/files/${file.id}`),
    });
    if (!isDone) return;
    context.say(`${name} was deleted.`);
    changed();
  };
  return table<StoreFile>(
    `Files of ${store.name || store.id}`,
    [
      { title: 'File', cell: ({ id, path: at }) => at ?? nameOf.get(id) ?? h('code', {}, id) },
      { title: 'State', cell: (file) => stateOf(file, jobOf.get(`${store.id}/${file.id}`)) },
      { title: 'Passages', cell: ({ passages }) => count(passages), isNumber: true },
      { title: 'Size', cell: (file) => bytes(file.usage_bytes), isNumber: true },
      {
        title: 'Delete',
        isAction: true,
        cell: (file) => {
          const name = file.path ?? nameOf.get(file.id) ?? file.id;
          return rowButton('Delete', name, () => void remove(file, name));
        },
      },
    ],
    files,
    empty('No documents yet.', 'Upload some above: they can be searched as soon as they are read.'),
  );
}

function stateOf({ status, last_error: error }: StoreFile, job: Job | undefined) {
  if (status === 'in_progress' && job !== undefined) {
    const label = `reading, ${Math.round(100 * job.progress)} %${leftOf(job.estimated_seconds_left)}`;
    return progressOf(job.progress, job.status === 'queued' ? 'waiting' : label);
  }
  return [badge(status.replace('_', ' '), TONES[status]), error !== null && h('p', { class: 'hint' }, error.message)];
}
