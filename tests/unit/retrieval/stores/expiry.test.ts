import t from 'tap';
import { createVectorStores } from '../../../../src/retrieval/stores/vector-stores.js';
import { dataFolder } from '../../../fixtures/retrieval/retrieval.js';
import { clusteredVectors, openRows } from '../../../fixtures/retrieval/rows.js';

const DAY_S = 86_400;

t.test('a store expires so many days after its last use, at that moment, and for good', async (t) => {
  const rows = await openRows(dataFolder(t));
  t.teardown(() => rows.db.destroy());
  let nowS = 1000;
  const stores = createVectorStores(rows.db, () => nowS, rows.audit, rows.models);
  const { id } = await stores.create('bank', { name: 's', metadata: {}, expiresAfterDays: 2 });
  const lasting = await stores.create('bank', { name: 'lasting', metadata: {} });
  const fileId = await rows.addFile('bank', id, clusteredVectors(3));
  await rows.addFile('bank', lasting.id, clusteredVectors(2));
  const keys = (await rows.vectors.keysUpTo('bank', 1, 1e9)).slice(0, 3);

  nowS += DAY_S;
  await stores.touch('bank', id);
  nowS += 2 * DAY_S - 1;
  t.match(await stores.get('bank', id), { isExpired: false, expiresAfterDays: 2, lastActiveAt: 1000 + DAY_S });
  t.same(await stores.expire(), []);
  t.equal((await stores.oldest('bank'))!.id, id);

  nowS += 1;
  t.match(await stores.get('bank', id), { isExpired: true });
  await t.rejects(stores.searched('bank', id), { code: 'store_expired' }, 'before anything was tidied up');
  await t.rejects(stores.update('bank', id, { expiresAfterDays: 9 }), { code: 'store_expired' });
  await t.rejects(stores.checkLive('bank', id), { code: 'store_expired' });
  await stores.touch('bank', id);
  t.equal((await stores.oldest('bank'))!.id, lasting.id, 'another one is the default');
  t.same(await stores.expire(), [{ id, tenant: 'bank', keys }]);
  t.same(await stores.expire(), [], 'once');
  t.match(await stores.get('bank', id), { isExpired: true, usageBytes: 0, fileCounts: { total: 0 } });
  t.equal(await rows.passages.count(), 2);
  t.ok(await rows.files.get('bank', fileId), 'files stay');
  nowS = 1000;
  t.match(await stores.get('bank', id), { isExpired: true }, 'whatever the clock says later');
  await stores.delete('bank', id);
});

t.test('when a store expires can be changed', async (t) => {
  const rows = await openRows(dataFolder(t));
  t.teardown(() => rows.db.destroy());
  const stores = createVectorStores(rows.db, () => 1000, rows.audit, rows.models);
  const { id } = await stores.create('bank', { name: 's', metadata: {}, expiresAfterDays: 2 });
  t.match(await stores.update('bank', id, { expiresAfterDays: 7 }), { expiresAfterDays: 7 });
  t.match(await stores.update('bank', id, { name: 'x' }), { expiresAfterDays: 7 });
});
