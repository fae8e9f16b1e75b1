import fc from 'fast-check';
import t from 'tap';
import { type EntityTag, entitiesOf } from '../../../src/personal-data/entities-of.js';
import { entityWindows, entityWordsOf } from '../../../src/personal-data/entity-words.js';
import { createScrub } from '../../../src/personal-data/scrub.js';
import { annaIn } from '../../http/fakes/retrieval.js';

/** What is found where the words have these tags, one letter each; `.` for none. */
function found(text: string, tags: string): string[] {
  const names: Record<string, EntityTag> = { n: 'name', h: 'number', s: 'street', u: 'unit', c: 'city', z: 'code' };
  const words = entityWordsOf(text).map((word, index) => ({ ...word, tag: names[tags[index]!] ?? null }));
  return entitiesOf(text, words).map(({ kind, start, end }) => `${kind}: ${text.slice(start, end)}`);
}

t.test('words are those of BERT, wherever they stand', (t) => {
  const text = "O'Neil paid 3.50 € to 王小明, naïve.";
  t.same(
    entityWordsOf(text).map(({ start, end }) => text.slice(start, end)),
    ['O', "'", 'Neil', 'paid', '3', '.', '50', '€', 'to', '王', '小', '明', ',', 'naïve', '.'],
  );
  t.end();
});

t.test('what is written between the parts of a name belongs to it, and a sentence between two names does not', (t) => {
  t.same(found("Call Anna O'Connor-Smith now", '.nn.n.n.'), ["name: Anna O'Connor-Smith"]);
  t.same(found('J. R. van der Berg', 'n.n...n'), ['name: J. R. van der Berg']);
  t.same(found('Anna and Ben, Carl. Dora', 'n.n.n.n'), ['name: Anna', 'name: Ben', 'name: Carl', 'name: Dora']);
  t.end();
});

t.test('an address leads to a door: a town or a street alone does not', (t) => {
  t.same(found('I live at 12 Mill Lane, Leeds LS1 4AP.', '...hss.czz.'), ['address: 12 Mill Lane, Leeds LS1 4AP']);
  t.same(found('Paris is on Rivoli', 'c..s'), []);
  t.same(found('Wohnt in 10115 Berlin', '..zc'), ['address: 10115 Berlin']);
  t.same(found('Mill Lane 12 is left. Leeds is far', 'ssh...c..'), ['address: Mill Lane 12']);
  t.end();
});

t.test('windows cover every word once, and none has more tokens than a window and a word', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 300 }), (sizes) => {
      const windows = entityWindows(sizes, 128, 32);
      t.same(
        windows.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i)),
        sizes.map((_, index) => index),
      );
      const tokens = (start: number, end: number) => sizes.slice(start, end).reduce((sum, size) => sum + size, 0);
      for (const { start, end, from, to } of windows) {
        if (start > from || to > end || tokens(start, end) > 228) return false;
      }
      // Hostile words make no more of them than there are tokens for.
      return windows.length <= 1 + tokens(0, sizes.length) / 96;
    }),
  );
  t.end();
});

t.test('what has a shape goes first, then names; where no model finds them they stay', async (t) => {
  const texts = ['Anna Keller, anna@example.org', 'Nobody'];
  const { signal } = new AbortController();
  const scrub = createScrub(async (_tenant, some) => some.map(annaIn));
  t.same(await scrub('bank', texts, signal), { texts: ['[name], [email]', 'Nobody'], count: 2 });
  t.same(await createScrub(null)('bank', texts, signal), { texts: ['Anna Keller, [email]', 'Nobody'], count: 1 });
});
