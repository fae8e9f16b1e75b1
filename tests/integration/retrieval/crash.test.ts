import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { AppError } from '../../../src/errors/app-error.js';
import { Sqlite } from '../../../src/sqlite/open.js';
import {
  addText,
  ask,
  DEFAULTS,
  dataFolder,
  NEVER,
  ready,
  settled,
  startRetrieval,
} from '../../fixtures/retrieval/retrieval.js';

const SUBJECTS = [
  'mortgages',
  'cards',
  'disputes',
  'complaints',
  'savings',
  'overdrafts',
  'transfers',
  'insurance',
  'pensions',
];

function document(subject: string): string {
  const sections = Array.from(
    { length: 3 },
    (_, n) => `## Rule ${n}\n\nRule ${n} on ${subject}: the limit is ${n * 7 + 3} euros a day.`,
  );
  return [`# About ${subject}`, ...sections].join('\n\n');
}

t.test('what was acknowledged survives kill -9 while it is stored, read and embedded', async (t) => {
  const dataDir = dataFolder(t);
  const retrieval = await startRetrieval(dataDir, { ingestBatch: 1 });
  let restarts = 0;
  retrieval.observe(({ type }) => {
    if (type === 'restart') restarts += 1;
  });
  const store = await retrieval.createStore('bank', { name: 's', metadata: {} });
  let isDone = false;
  const killer = (async () => {
    for (let kill = 0; kill < 3 && !isDone; kill++) {
      await ready(retrieval);
      await sleep(60 + 90 * kill);
      process.kill(retrieval.pid()!, 'SIGKILL');
      while (retrieval.status().ready) await sleep(1);
    }
  })();

  const acknowledged: string[] = [];
  for (const subject of SUBJECTS) {
    for (let isStored = false; !isStored; ) {
      try {
        acknowledged.push(await addText(retrieval, 'bank', store.id, `${subject}.md`, document(subject)));
        isStored = true;
      } catch (error) {
        t.equal((error as AppError).code, 'retrieval_unavailable');
        t.ok((error as AppError).retryAfterS! >= 1);
        await ready(retrieval);
      }
    }
  }
  await killer;
  isDone = true;
  await ready(retrieval);
  t.equal(restarts, 3);
  for (const id of acknowledged)
    t.match(await settled(retrieval, 'bank', store.id, id), { status: 'completed', passages: 3 });

  // By what they say: a file that was stored but not acknowledged was stored again, and one of the two is found.
  const found = async (from: typeof retrieval) =>
    (await from.search({ ...ask('what is the limit', 'bank'), topK: 100 }, NEVER)).passages.map(({ text }) => text);
  const before = await found(retrieval);
  t.equal(new Set(before).size, 3 * SUBJECTS.length, 'every passage is there, and once');
  await retrieval.close();

  const again = await startRetrieval(dataDir);
  t.same(await found(again), before, 'and after a restart in the same order');
  await again.close();
});

t.test('a large file that was acknowledged survives kill -9 whole, and of another one nothing is left', async (t) => {
  const [dataDir, elsewhere] = [dataFolder(t), dataFolder(t)];
  const acknowledged = new Map<string, string>();
  const path = (name: string) => join(elsewhere, name);
  const texts = ['one', 'two'].map((word) => `${word} two three four\n`.repeat(150_000));
  for (const text of texts) writeFileSync(path(text.slice(0, 3)), text);

  for (let kill = 0; kill < 4; kill++) {
    const retrieval = await startRetrieval(dataDir);
    const upload = async (text: string) => {
      const content = { path: path(text.slice(0, 3)), bytes: text.length };
      for (let isDead = false; !isDead; ) {
        await retrieval.createFile('bank', { filename: 'a.txt', purpose: 'assistants', content }).then(
          ({ id }) => acknowledged.set(id, text),
          () => {
            isDead = true;
          },
        );
      }
    };
    const uploads = texts.map(upload);
    await sleep(150 + 130 * kill);
    process.kill(retrieval.pid()!, 'SIGKILL');
    await Promise.all(uploads);
    await retrieval.close();
  }

  const retrieval = await startRetrieval(dataDir);
  t.ok(acknowledged.size > 0);
  for (const [id, text] of acknowledged) {
    const content = Buffer.from(await retrieval.getFileContent('bank', id));
    t.ok(content.equals(Buffer.from(text)), `${id} is whole`);
  }
  await retrieval.close();
  const database = new Sqlite(join(dataDir, 'documents.db'), { readonly: true });
  const abandoned = 'select count(*) from file_pieces where file_id not in (select id from files)';
  t.equal(database.prepare(abandoned).pluck().get(), 0);
  database.close();
});

t.test(
  'calls in flight end with a retryable error when the process dies, and the next ones are answered',
  async (t) => {
    const retrieval = await startRetrieval(dataFolder(t));
    t.teardown(() => retrieval.close());
    await retrieval.createStore('bank', { name: 's', metadata: {} });
    const inFlight = [
      ...Array.from({ length: 5 }, () => retrieval.search(ask('a question', 'bank'), NEVER)),
      retrieval.embed(
        'bank',
        Array.from({ length: 50 }, (_, i) => `Text ${i}`),
        NEVER,
      ),
    ];
    process.kill(retrieval.pid()!, 'SIGKILL');
    for (const call of inFlight) await t.rejects(call as Promise<unknown>, { code: 'retrieval_unavailable' });

    t.match(retrieval.status(), { ready: false, reason: /process ended/ });
    await t.rejects(retrieval.search(ask('a question', 'bank'), NEVER), { code: 'retrieval_unavailable' });
    await ready(retrieval);
    t.match(retrieval.status(), { ready: true, reason: null });
    t.same((await retrieval.search(ask('a question', 'bank'), NEVER)).passages, []);
  },
);

t.test('it does not start without its model, and says which', async (t) => {
  const { createRetrieval } = await import('../../../src/retrieval/client.js');
  const started = createRetrieval({
    dataDir: dataFolder(t),
    modelDir: '/nonexistent/all-minilm-l6-v2',
    baseModelDir: '/nonexistent/base',
    config: DEFAULTS.retrieval,
    database: DEFAULTS.database,
    callTimeoutMs: 60_000,
    hangTimeoutMs: 10_000,
    clock: { now: Date.now, monotonicMs: () => performance.now() },
    log: { warn: () => {}, error: () => {} },
  });
  await t.rejects(started, { code: 'model_unavailable', message: /all-minilm-l6-v2/ });
});

t.test('a retrieval process that does not answer is ended, and the next one answers', async (t) => {
  const retrieval = await startRetrieval(dataFolder(t), {}, { hangTimeoutMs: 3000 });
  t.teardown(() => retrieval.close());
  const store = await retrieval.createStore('bank', { name: 's', metadata: {} });
  process.kill(retrieval.pid()!, 'SIGSTOP');
  const search = retrieval.search(ask('a question', 'bank', store.id), NEVER);
  await t.rejects(search, { code: 'retrieval_unavailable', message: /did not answer for 3 s/ });
  t.match(retrieval.status(), { ready: false, reason: /did not answer/ });
  await ready(retrieval);
  t.same((await retrieval.search(ask('a question', 'bank', store.id), NEVER)).passages, []);
});
