import t from 'tap';
import { withoutRepeats } from '../../../../src/retrieval/search/repeats.js';
import { passage } from '../../../http/fakes.js';

const FEES = `The yearly fee of the Gold card is 45 €, charged on 1 March. It falls away above a turnover of 12,000 € a year.`;
const said = (text: string, filename = 'fees.md', headingPath: readonly string[] = []) => ({
  ...passage(filename, text, 0.5),
  filename,
  headingPath,
});
const kept = (...passages: readonly ReturnType<typeof said>[]) =>
  withoutRepeats(passages).map(({ filename }) => filename);

t.test('one text under several names and in several formats is one passage', async (t) => {
  const layout = FEES.replace('Gold card', '**Gold** card').replace('. It', '.\n\n- it').toUpperCase();
  t.same(kept(said(FEES), said(FEES, 'copy.md'), said(layout, 'fees.docx')), ['fees.md']);
  t.same(
    kept(said(FEES, 'fees.txt', ['fees']), said(FEES, 'b.txt', ['b.txt'])),
    ['fees.txt'],
    'a file name is no title',
  );
  t.same(kept(said('ﬁne print', 'a.pdf'), said('fine print', 'b.txt')), ['a.pdf'], 'ligatures of a PDF');
});

t.test('a passage that a better one holds word for word adds nothing; one that says more stays', async (t) => {
  const longer = `${FEES} Cards of a company are free.`;
  t.same(kept(said(longer, 'long.md'), said(FEES)), ['long.md']);
  t.same(kept(said(FEES), said(longer, 'long.md')), ['fees.md', 'long.md']);
});

t.test('what differs in what it says is kept, however much is the same', async (t) => {
  const others = [
    FEES.replace('45', '46'),
    FEES.replace('45 €', '45 $'),
    FEES.replace('1 March', '-1 March'),
    FEES.replace('above', 'below'),
    FEES.replace('It falls', 'It never falls'),
  ];
  for (const other of others) {
    t.same(kept(said(FEES), said(other, 'other.md')), ['fees.md', 'other.md'], other);
    t.same(kept(said(other, 'other.md'), said(FEES)), ['other.md', 'fees.md'], `first: ${other}`);
  }
  t.same(
    kept(said(FEES, 'a.md', ['Gold']), said(FEES, 'b.md', ['Platinum'])),
    ['a.md', 'b.md'],
    'below another heading',
  );
  t.same(kept(said('if (enabled) stop()', 'a.md'), said('if (!enabled) stop()', 'b.md')), ['a.md', 'b.md']);
  t.same(
    kept(said('a b c d e f', 'a.md'), said('f e d c b a', 'b.md')),
    ['a.md', 'b.md'],
    'the same words in another order',
  );
  t.same(kept(said('Article 10 applies', 'a.md'), said('Article 1', 'b.md')), ['a.md', 'b.md']);
});

t.test('texts without any word are compared as they are', async (t) => {
  t.same(kept(said('🎉', 'a.md'), said('🚀', 'b.md'), said('🎉', 'c.md')), ['a.md', 'b.md']);
});
