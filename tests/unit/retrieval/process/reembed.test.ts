import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Reembed } from '../../../../src/retrieval/process/reembed.js';
import { MODELS, vectorBy } from '../../../fixtures/retrieval/documents.js';
import { openService } from '../../../fixtures/retrieval/service.js';

t.test('how far a store is counts passages, also within a file and over a restart', async (t) => {
  const { rows, documents, service, createStore } = await openService(t, {
    models: MODELS,
    vectorOf: (text, digest) => vectorBy(digest, text),
  });
  const id = await createStore();
  for (const texts of [['one'], ['two', 'three', 'four']]) {
    const vectors = texts.map((text) => vectorBy('words', text));
    await rows.addFile('bank', id, vectors, (index) => texts[index]!);
  }
  const progress = async () => (await service.getStore('bank', id)).reembedding?.progress;
  await service.updateStore('bank', id, { embedder: 'short' });

  const open = (held: (text: string) => Promise<void>) =>
    new Reembed({
      documents,
      shipped: () => null,
      async embed(_tenant, digest, texts) {
        for (const text of texts) await held(text);
        return texts.map((text) => vectorBy(digest, text));
      },
      batch: 1,
      clock: { now: Date.now, monotonicMs: () => performance.now() },
      onObservation: () => {},
      onError: (error) => t.error(error),
    });
  let stop = (_: Error) => {};
  const stopped = new Promise<void>((_, reject) => {
    stop = reject;
  });
  const first = open(async (text) => (text.includes('four') ? stopped : undefined));
  first.start();
  while ((await progress()) !== 0.75) await sleep(20);
  stop(new Error('the process ends'));
  await first.stop();
  t.match(await service.getStore('bank', id), { reembedding: { status: 'queued' } });

  const asked: string[] = [];
  const second = open(async (text) => void asked.push(text));
  second.start();
  while ((await progress()) !== undefined) await sleep(5);
  await second.stop();
  t.equal(asked.length, 3, 'the first file has its vectors');
});
