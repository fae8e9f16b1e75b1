import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { findNearest } from '../../../src/retrieval/search/find-nearest.js';
import { Nearest } from '../../../src/retrieval/search/nearest.js';
import { dataFolder } from '../../fixtures/retrieval/retrieval.js';
import { clusteredVectors, openIndexes, openRows } from '../../fixtures/retrieval/rows.js';

/** What each group alone may see: nearly all, 1 % and 0.1 % of the passages, all of them from the same clusters. */
const PARTS = { most: 5934, few: 60, hardlyAny: 6 };
const GROUPS = Object.keys(PARTS) as (keyof typeof PARTS)[];
const TOP_K = 5;
const EXACT_LIMIT = 100;

t.test('of a large store as many passages come back as are asked for, and only those of the part', async (t) => {
  const folder = dataFolder(t);
  const rows = await openRows(folder);
  t.teardown(() => rows.db.destroy());
  const { id: storeId } = await rows.stores.create('bank', { name: 's', metadata: {} });
  const vectors = {} as Record<keyof typeof PARTS, Float32Array[]>;
  for (const [n, group] of GROUPS.entries()) {
    vectors[group] = clusteredVectors(PARTS[group], n + 1);
    const fileId = await rows.addFile('bank', storeId, vectors[group], (i) => `${group} ${i}`, [group]);
    await rows.storeFiles.update('bank', storeId, fileId, { attributes: { group } }, 1);
  }
  const { indexes } = await openIndexes(folder, rows);
  const last = await rows.vectors.lastKey();
  while ((await indexes.nominate('bank', 1, vectors.few[0]!, 1)).lastKey < last) await sleep(5);
  const nominate = indexes.nominate.bind(indexes);
  let nominations = 0;
  indexes.nominate = (...args) => {
    nominations += 1;
    return nominate(...args);
  };

  for (const group of GROUPS) {
    const firstLabel = 1 + GROUPS.slice(0, GROUPS.indexOf(group)).reduce((sum, one) => sum + PARTS[one], 0);
    const everybody = await rows.scope('bank', [storeId], GROUPS);
    const filter = { type: 'eq', key: 'group', value: group } as const;
    const scopes = {
      group: await rows.scope('bank', [storeId], [group]),
      filter: { ...everybody, files: await rows.storeFiles.passing(everybody.shelves, filter) },
    };
    for (const [how, scope] of Object.entries(scopes)) {
      nominations = 0;
      let hits = 0;
      // The nearest passages of all are those that have to be left out.
      const queries = GROUPS.flatMap((other) => vectors[other].slice(0, 6));
      for (const vector of queries) {
        const nearest = new Nearest(vector, TOP_K);
        for (const [i, own] of vectors[group].entries()) nearest.add(firstLabel + i, own);
        const found = await findNearest({ scope, vector, topK: TOP_K }, { ...rows, indexes, exactLimit: EXACT_LIMIT });
        t.equal(found.length, TOP_K);
        const isOwn = ({ label }: { label: number }) => label >= firstLabel && label < firstLabel + PARTS[group];
        t.ok(found.every(isOwn), `${how}: nothing but ${group}`);
        hits += found.filter(({ label }) => nearest.best.some((one) => one.label === label)).length;
      }
      t.ok(hits >= 0.98 * queries.length * TOP_K, `${how}: ${hits} of ${queries.length * TOP_K} of ${group}`);
      t.equal(
        nominations > 0,
        group === 'most',
        `${how}: only ${group === 'most' ? 'a large' : 'no small'} part asks the index`,
      );
    }
  }
  indexes.close();
});
