import fc from 'fast-check';
import t from 'tap';
import { findTerms } from '../../../src/retrieval/search/find-terms.js';
import { termsOf } from '../../../src/words/terms.js';
import { dataFolder } from '../../fixtures/retrieval/retrieval.js';
import { clusteredVectors, openRows, type Rows } from '../../fixtures/retrieval/rows.js';

const WORDS = ['limit', 'body', 'fee', 'card', 'rate', 'hook', 'keepAlive', 'retry', 'cache', '64'];
const TENANTS = ['bank', 'copilot', 'shop'];

const text = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 12 }).map((words) => words.join(' '));
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('add'), store: fc.nat(5), texts: fc.array(text, { maxLength: 4 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('detach', 'deleteFile', 'deleteStore'), pick: fc.nat(99) }),
  },
);

/** BM25 as the formula has it, over whole texts. */
function bruteForce(
  passages: ReadonlyMap<number, string>,
  query: string,
): Map<number, { score: number; share: number }> {
  const documents = [...passages].map(([label, content]) => ({ label, terms: termsOf(`a\n${content}`) }));
  const average = documents.reduce((sum, { terms }) => sum + terms.length, 0) / documents.length;
  const wanted = [...new Set(termsOf(query))].map((term) => {
    const holders = documents.filter(({ terms }) => terms.includes(term)).length;
    return { term, weight: Math.log(1 + (documents.length - holders + 0.5) / (holders + 0.5)) };
  });
  const total = wanted.reduce((sum, { weight }) => sum + weight, 0);
  const found = new Map<number, { score: number; share: number }>();
  for (const { label, terms } of documents) {
    const held = wanted.filter(({ term }) => terms.includes(term));
    if (held.length === 0) continue;
    const score = held.reduce((sum, { term, weight }) => {
      const count = terms.filter((other) => other === term).length;
      return sum + (weight * count) / (count + 1.2 * (0.25 + (0.75 * terms.length) / average));
    }, 0);
    found.set(label, {
      score: score / total,
      share: held.reduce((sum, { weight }) => sum + weight, 0) / total,
    });
  }
  return found;
}

interface Expected {
  readonly tenant: string;
  readonly storeId: string;
  readonly files: Map<string, readonly string[]>;
}

async function passagesOf(rows: Rows, { tenant, storeId, files }: Expected): Promise<Map<number, string>> {
  const stored = await rows.db
    .selectFrom('passages')
    .select(['label', 'text', 'file_id', 'ordinal'])
    .where('tenant', '=', tenant)
    .where('store_id', '=', storeId)
    .execute();
  for (const { file_id: fileId, ordinal, text: content } of stored) t.equal(files.get(fileId)?.[ordinal], content);
  t.equal(stored.length, [...files.values()].flat().length);
  return new Map(stored.map((row) => [row.label, `${tenant}\n${row.text}`]));
}

t.test('whatever is added and removed, a store is ranked as if it stood alone', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 16 }), text, async (steps, query) => {
      const rows = await openRows(dataFolder(t));
      const [vector] = clusteredVectors(1);
      const stores: Expected[] = [];
      for (const tenant of [...TENANTS, ...TENANTS]) {
        const { id } = await rows.stores.create(tenant, { name: 's', metadata: {} });
        stores.push({ tenant, storeId: id, files: new Map() });
      }
      for (const one of steps) {
        if ('texts' in one) {
          const store = stores[one.store % stores.length]!;
          const vectors = one.texts.map(() => vector!);
          store.files.set(await rows.addFile(store.tenant, store.storeId, vectors, (n) => one.texts[n]!), one.texts);
          continue;
        }
        const store = stores[one.pick % stores.length]!;
        const [fileId] = [...store.files.keys()];
        if (one.kind === 'deleteStore' && stores.length > 1) {
          await rows.stores.delete(store.tenant, store.storeId);
          stores.splice(stores.indexOf(store), 1);
        } else if (fileId) {
          if (one.kind === 'deleteFile') await rows.files.delete(store.tenant, fileId, 1);
          else await rows.storeFiles.detach(store.tenant, store.storeId, fileId, 1);
          store.files.delete(fileId);
        }
      }
      for (const store of stores) {
        const passages = await passagesOf(rows, store);
        const { shelves } = await rows.scope(store.tenant, [store.storeId]);
        const scores = await findTerms(shelves, query, null, rows.postings);
        const expected = bruteForce(passages, query);
        const best = scores.best(100);
        t.same(new Set(best), new Set(expected.keys()));
        for (const label of best) {
          const [{ score, share }, wanted] = [scores.of(label), expected.get(label)!];
          t.ok(Math.abs(score - wanted.score) < 1e-9 && Math.abs(share - wanted.share) < 1e-9);
        }
        t.same(
          best.map((label) => scores.of(label).score),
          best.map((label) => scores.of(label).score).sort((a, b) => b - a),
        );
      }
      await rows.db.destroy();
    }),
    { numRuns: 30 },
  );
});
