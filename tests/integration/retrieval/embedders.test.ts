import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { EmbedderManifest } from '../../../src/contracts/model-manifest.js';
import {
  addText,
  ask,
  dataFolder,
  EMBEDDER_DIR,
  NEVER,
  ready,
  settled,
  startRetrieval,
} from '../../fixtures/retrieval/retrieval.js';

const MANY_LANGUAGES = 'multilingual-e5-small';

const FILES = {
  'repayment.md': '# Mortgage\n\nThe early repayment fee is 1.5 % of the outstanding amount.',
  'cards.md': '# Cards\n\nReport a lost card in the app within 24 hours.',
};

/** A folder of models that are the tests' embedder, and by their manifests others: one of them does without its prefix. */
function modelsFolder(t: Test): string {
  const folder = t.testdir({ own: {}, other: {} });
  for (const id of ['own', 'other']) {
    for (const name of readdirSync(EMBEDDER_DIR)) {
      if (name !== 'manifest.json') symlinkSync(join(EMBEDDER_DIR, name), join(folder, id, name));
    }
    const manifest: EmbedderManifest = JSON.parse(readFileSync(join(EMBEDDER_DIR, 'manifest.json'), 'utf8'));
    const made = { ...manifest, baseDigest: `of ${id}`, ...(id === 'other' && { queryPrefix: '' }) };
    writeFileSync(join(folder, id, 'manifest.json'), JSON.stringify(made));
  }
  return folder;
}

t.test(
  'a store that answers gets vectors of another model in the background, over the end of the process',
  async (t) => {
    const models = modelsFolder(t);
    const warnings: unknown[] = [];
    const retrieval = await startRetrieval(
      dataFolder(t),
      {},
      {
        modelDir: join(models, 'own'),
        furtherEmbedders: ['other', 'none'],
        log: { warn: (fields) => warnings.push(fields), error: (_, message) => t.fail(message) },
      },
    );
    t.teardown(() => retrieval.close());
    t.match(warnings, [{ detail: /fitted scores to own, other:/ }, { detail: /vectors of none,/ }], 'both are said');
    t.equal(warnings.length, 2, 'once');

    const stores = [];
    for (const embedder of ['own', 'other']) {
      const { id } = await retrieval.createStore('bank', { name: embedder, metadata: {}, embedder });
      for (const [name, text] of Object.entries(FILES)) {
        const file = await addText(retrieval, 'bank', id, name, text);
        t.match(await settled(retrieval, 'bank', id, file), { status: 'completed', passages: 1 });
      }
      stores.push(id);
    }
    const [id] = stores as [string, string];
    const scores = async (...storeIds: string[]) => {
      const request = { ...ask('What does it cost to pay a loan back early?', 'bank', ...storeIds), mode: 'vector' };
      const { passages } = await retrieval.search(request as ReturnType<typeof ask>, NEVER);
      t.equal(passages[0]?.filename, 'repayment.md');
      return passages.map(({ score }) => score);
    };
    const [before, after] = [await scores(stores[0]!), await scores(stores[1]!)];
    t.notSame(before, after, 'one asks in other words');
    t.equal((await scores(...stores)).length, 2, 'what is in both is found once');
    t.match(
      retrieval.status().embedders.map((model) => model.id),
      ['own', 'other'],
    );

    t.match(await retrieval.updateStore('bank', id, { embedder: 'other' }), { reembedding: { embedder: 'other' } });
    process.kill(retrieval.pid()!, 'SIGKILL');
    while (retrieval.status().ready) await sleep(5);
    await ready(retrieval);
    for (;;) {
      const { embedder, reembedding } = await retrieval.getStore('bank', id);
      if (reembedding === null) {
        t.equal(embedder, 'other');
        break;
      }
      await scores(id);
    }
    t.same(await scores(id), after, 'as if it had been read by it');
  },
);

t.test('while the model of one store is loaded, others are searched', async (t) => {
  const retrieval = await startRetrieval(dataFolder(t), {}, { furtherEmbedders: [MANY_LANGUAGES] });
  t.teardown(() => retrieval.close());
  const { id: own } = await retrieval.createStore('bank', { name: 'own', metadata: {} });
  await settled(retrieval, 'bank', own, await addText(retrieval, 'bank', own, 'cards.md', FILES['cards.md']));
  const other = await retrieval.createStore('bank', { name: 'other', metadata: {}, embedder: MANY_LANGUAGES });

  let isLoaded = false;
  const first = retrieval.search(ask('Karte verloren', 'bank', other.id), NEVER).then(() => {
    isLoaded = true;
  });
  let answered = 0;
  while (!isLoaded) {
    const { passages } = await retrieval.search(ask('lost card', 'bank', own), NEVER);
    t.equal(passages.length, 1);
    if (!isLoaded) answered++;
  }
  await first;
  t.ok(answered > 5, `${answered} searches were answered meanwhile`);
});
