import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Retrieval } from '../../../src/contracts/retrieval.js';
import { MODELS, vectorBy } from '../../fixtures/retrieval/documents.js';
import { openService } from '../../fixtures/retrieval/service.js';
import { TENANT_KEY } from '../../http/admin-app.js';
import { cliApp } from './cli-app.js';

/** A command line, and real stores that change their vectors once `start` was called. */
async function setUp(t: Test) {
  const opened = await openService(t, { models: MODELS, vectorOf: (text, digest) => vectorBy(digest, text) });
  const { cli, json } = await cliApp(t, { retrieval: opened.service as Retrieval });
  const own = ['--key', TENANT_KEY];
  return {
    ...{ start: () => opened.reembed.start(), createStore: opened.createStore, addFile: opened.rows.addFile },
    embedder: (...argv: string[]) => cli(...own, 'documents', 'embedder', ...argv),
    json: (...argv: string[]) => json(...own, 'documents', 'embedder', ...argv),
    jobs: (...argv: string[]) => cli(...own, 'jobs', ...argv),
  };
}

t.test('it is shown, and another one is waited for', async (t) => {
  const { start, createStore, addFile, embedder, json } = await setUp(t);
  t.match(await embedder(), { code: 1, err: /The tenant has no vector store yet/ });
  t.match(await embedder(), { code: 1 }, 'nor has it one from being asked');
  const [first, second] = [await createStore(), await createStore()];
  await addFile('bank', second, [vectorBy('words', 'the fee')], () => 'the fee');
  t.match(
    (await embedder()).out,
    new RegExp(`ID +EMBEDDER +NEXT +JOB\\n${first} +words +- +-\\n`),
    'of the default store',
  );

  const queued = await embedder('short', '--store', second, '--no-wait');
  t.match(queued, { code: 0, out: new RegExp(`${second} +words +short +job_`), err: '' });
  start();
  const made = await embedder('short', '--store', second);
  t.match(made, { code: 0, err: /The vectors are made\./, out: new RegExp(`${second} +short +- +-`) });
  t.match(await json('--store', second), { id: second, embedder: 'short', reembedding: null });
  t.match(await json('--store', first), { id: first, embedder: 'words' });
});

t.test('what is refused or called off is said, and the store keeps what it has', async (t) => {
  const { createStore, addFile, embedder, json, jobs } = await setUp(t);
  const id = await createStore();
  await addFile('bank', id, [vectorBy('words', 'the fee')], () => 'the fee');
  t.match(await embedder('other'), { code: 1, err: /other is no embedding model .*there are words, short\./ });
  t.match(await embedder('short', '--store', 'vs_none'), { code: 1, err: /vs_none does not exist/ });

  const waiting = embedder('short');
  const jobId = async (): Promise<string | undefined> => (await json()).reembedding?.job_id;
  while (!(await jobId())) await sleep(5);
  t.match(await jobs('cancel', (await jobId())!), { code: 0, out: /cancelled/ });
  t.match(await waiting, { code: 1, err: /The vectors of before stay: the job was cancelled/ });
  t.match(await json(), { embedder: 'words', reembedding: null });
});
