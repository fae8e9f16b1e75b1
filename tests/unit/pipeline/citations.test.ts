import t from 'tap';
import type { PassageLocation } from '../../../src/contracts/retrieval.js';
import { annotate, toCitation } from '../../../src/pipeline/citations.js';
import { passage } from '../../http/fakes.js';

const passages = [
  { number: 1, passage: passage('a', 'Text a', 0.9) },
  { number: 2, passage: passage('b', 'Text b', 0.5) },
];
const found = (text: string, given = passages) =>
  annotate(text, given).map(({ url_citation: { start_index, end_index }, file_citation }) => [
    text.slice(start_index, end_index),
    file_citation.file_id,
  ]);

t.test('each marker of a passage that was given is a citation, where it stands', async (t) => {
  t.same(found('One [1][2], again [1].'), [
    ['[1]', 'file-a'],
    ['[2]', 'file-b'],
    ['[1]', 'file-a'],
  ]);
  t.same(found('It costs £6[1] or 5 %[2].\n[1]: the fee'), [
    ['[1]', 'file-a'],
    ['[2]', 'file-b'],
    ['[1]', 'file-a'],
  ]);
});

t.test('a number that was not given to a passage is text', async (t) => {
  t.same(found('[0] [3] [12345] [x] [] [1 1'), []);
  const renumbered = [{ number: 3, passage: passage('c', 'Text c', 0.9) }];
  t.same(found('[1] [2] [3]', renumbered), [['[3]', 'file-c']]);
});

t.test('indexes of code, links and code blocks are no citations', async (t) => {
  for (const text of [
    'Read argv[2] or process.argv[1].',
    "Use rows[1][2] and rows['a'][1], arr1[2].",
    'Read `list [1]` or ``a ` [2]``.',
    'Run:\n```js\nx = [1];\n```\n',
    'Run:\n~~~\n[1]\n~~~~\n',
    'Run:\n```\n[1]\nwithout an end',
    'See [1](https://example.com).',
  ]) {
    t.same(found(text), [], text);
  }
  t.same(found('A lone ` sign [1].\n\nAnother ` sign [2].').length, 2, 'code within a line ends with its paragraph');
  t.same(found('```\n[1]\n```\nThe fee is 5 [2].'), [['[2]', 'file-b']]);
});

t.test('a passage is cited in the shape of On Your Data, with its marker', async (t) => {
  t.same(toCitation(passages[0]!), {
    marker: '[1]',
    content: 'Text a',
    title: 'Fees › a',
    url: null,
    filepath: 'a.md',
    chunk_id: 'a',
    file_id: 'file-a',
    location: null,
  });
});

t.test('a citation says where to turn to, in the words of its kind of document', async (t) => {
  const cited = (location: PassageLocation) =>
    toCitation({ number: 1, passage: { ...passages[0]!.passage, location } });
  t.match(cited({ type: 'page', first: 3, last: 3 }), {
    title: 'Fees › a (page 3)',
    location: { type: 'page', first: 3, last: 3 },
  });
  t.equal(cited({ type: 'line', first: 3, last: 14 }).title, 'Fees › a (lines 3–14)');
  t.equal(cited({ type: 'row', sheet: 'Q1', first: 2, last: 9 }).title, 'Fees › a (Q1, rows 2–9)');
});

t.test('the link of a citation in a PDF opens its page', async (t) => {
  const location = { type: 'page', first: 3, last: 4 } as const;
  const [annotation] = annotate('[1]', [{ number: 1, passage: { ...passages[0]!.passage, location } }]);
  t.match(annotation, {
    url_citation: { url: '/v1/files/file-a/content#page=3', title: 'Fees › a (pages 3–4)' },
    file_citation: { location },
  });
});
