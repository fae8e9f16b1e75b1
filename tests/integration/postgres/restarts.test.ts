import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { openPostgresDocuments } from '../../../src/retrieval/documents/postgres.js';
import { storageTrouble } from '../../../src/sqlite/storage-trouble.js';
import { startPostgres } from '../../fixtures/postgres/server.js';
import { addLines, asking, documentsOptions, found, readNext } from '../../fixtures/retrieval/documents.js';
import {
  addText,
  ask,
  DEFAULTS,
  dataFolder,
  NEVER,
  settled,
  startRetrieval,
} from '../../fixtures/retrieval/retrieval.js';

const server = await startPostgres();
t.teardown(() => server.close());

t.test('a server that is killed under queries costs those in flight, loses nothing, and is found again', async (t) => {
  const { url } = await server.createDatabase();
  const { options, clock } = documentsOptions();
  const documents = await openPostgresDocuments(dataFolder(t), { ...DEFAULTS.database, url }, options);
  t.teardown(() => documents.close());
  const { id } = await documents.createStore('bank', { name: 's', metadata: {} });
  const place = { tenant: 'bank', storeId: id, nowMs: clock.nowMs };
  const kept: string[] = [];
  let isOver = false;
  const errors: unknown[] = [];
  const write = async () => {
    for (let n = 0; !isOver; n++) {
      try {
        kept.push(await addLines(documents, place, [`the fee of ${n} is due`]));
      } catch (error) {
        errors.push(error);
        await sleep(50);
      }
    }
  };
  const search = async () => {
    while (!isOver) {
      await documents.find(asking('bank', [id], 'fee'), NEVER).catch((error) => {
        errors.push(error);
        return sleep(20);
      });
    }
  };
  const working = [write(), search(), search()];
  /** However slow the machine is, something is written between two kills. */
  const untilWritten = async () => {
    for (const before = kept.length; kept.length < before + 2; ) await sleep(20);
    await sleep(100);
  };
  for (let kills = 0; kills < 3; kills++) {
    await untilWritten();
    await server.kill();
    await sleep(100);
    await server.start();
  }
  await untilWritten();
  isOver = true;
  await Promise.all(working);
  t.ok(errors.length > 0);
  t.same(
    errors.filter((error) => storageTrouble(error) === null),
    [],
    'each of them says that the database was the reason',
  );
  // What was attached and not read when the server died is read now.
  while (await readNext(documents, clock.nowMs + 60_000)) {}
  for (const fileId of kept) {
    t.match(await documents.getStoreFile('bank', id, fileId), { status: 'completed', passages: 1 });
  }
  t.ok(kept.length > 3, `${kept.length} files`);
  const { passages } = await found(documents, 'bank', [id], 'fee', { topK: 50 });
  t.ok(passages.length >= Math.min(50, kept.length));
});

t.test(
  'two processes read the files of one database, each once, and either finds what the other has read',
  async (t) => {
    const { url } = await server.createDatabase();
    const database = { ...DEFAULTS.database, url };
    const first = await startRetrieval(dataFolder(t), {}, { database });
    const second = await startRetrieval(dataFolder(t), {}, { database });
    t.teardown(() => Promise.all([first.close(), second.close()]));
    const observed = [0, 0];
    for (const [index, retrieval] of [first, second].entries()) {
      retrieval.observe((event) => {
        if (event.type === 'ingest') observed[index]!++;
      });
    }
    const added: { tenant: string; storeId: string; fileId: string }[] = [];
    for (let n = 0; n < 24; n++) {
      const tenant = `tenant-${n % 6}`;
      const from = n % 2 ? first : second;
      const { id: storeId } =
        n < 6 ? await from.createStore(tenant, { name: 's', metadata: {} }) : { id: added[n - 6]!.storeId };
      const fileId = await addText(
        from,
        tenant,
        storeId,
        `${n}.md`,
        `# Note ${n}\n\nThe fee of number ${n} is due on Monday.`,
      );
      added.push({ tenant, storeId, fileId });
    }
    for (const { tenant, storeId, fileId } of added) {
      t.match(await settled(second, tenant, storeId, fileId), { status: 'completed', passages: 1 });
    }
    t.equal(observed[0]! + observed[1]!, 24, `${observed}`);
    t.ok(
      observed.every((files) => files > 0),
      'both worked',
    );
    const { tenant, storeId } = added[3]!;
    for (const retrieval of [first, second]) {
      const { passages } = await retrieval.search(ask('When is fee number 3 due?', tenant, storeId), NEVER);
      t.match(passages[0]?.text, /number (3|9|15|21)/);
    }
    await server.kill();
    await t.rejects(first.search(ask('fee', tenant, storeId), NEVER), { code: 'storage_unavailable' });
    while (first.status().trouble === null) await sleep(50);
    t.match(first.status(), { ready: true, trouble: /the database server (does not answer|is stopping)/ });
    await server.start();
    while (first.status().trouble !== null) await sleep(50);
    t.ok((await first.search(ask('fee', tenant, storeId), NEVER)).passages.length > 0);
  },
);
