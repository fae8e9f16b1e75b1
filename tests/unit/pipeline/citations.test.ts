import t from 'tap';
import { annotate, toCitation } from '../../../src/pipeline/citations.js';
import { passage } from '../../http/fakes.js';

const passages = [passage('a', 'Text a', 0.9), passage('b', 'Text b', 0.5)];

t.test('each marker of a passage that was given is a citation, where it stands', async (t) => {
  const text = 'One [1][2], again [1].';
  t.same(
    annotate(text, passages).map(({ url_citation: { start_index, end_index }, file_citation }) => [
      text.slice(start_index, end_index),
      file_citation.file_id,
    ]),
    [
      ['[1]', 'file-a'],
      ['[2]', 'file-b'],
      ['[1]', 'file-a'],
    ],
  );
});

t.test('other brackets are text', async (t) => {
  t.same(annotate('[0] [3] [12345] [x] [] [1 1', passages), []);
});

t.test('a passage is cited in the shape of On Your Data', async (t) => {
  t.same(toCitation(passages[0]!), {
    content: 'Text a',
    title: 'Fees › a',
    url: null,
    filepath: 'a.md',
    chunk_id: 'a',
    file_id: 'file-a',
  });
});
