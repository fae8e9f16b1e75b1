import t from 'tap';
import { queryParts } from '../../../../src/retrieval/search/query-parts.js';
import { countWords } from '../../../fixtures/retrieval/count-words.js';

const LOG = Array.from({ length: 30 }, (_, n) => `12:00:${n} worker ${n} started in the background`).join('\n');
const parts = (query: string, context = '') => cutWhole({ query, context }, countWords);

/** @param turn is over before the next one */
function cutWhole(query: Parameters<typeof queryParts>[0], count: (text: string) => number, turn = () => {}): string[] {
  const cutting = queryParts(query, 64, count);
  for (;;) {
    const { done, value } = cutting.next();
    turn();
    if (done) return value;
  }
}

t.test('a query that the embedder reads is searched as it is', async (t) => {
  t.same(parts('What is the body limit?'), ['What is the body limit?']);
});

t.test('of a longer one the question comes first, wherever it stands, then some of the rest', async (t) => {
  const question = 'What is the default body limit?';
  for (const query of [`${LOG}\n\n${question}`, `${question}\n\n${LOG}`, `Look. ${question} Thanks.\n${LOG}`]) {
    const [first, ...rest] = parts(query);
    t.equal(first, question);
    t.ok(rest.length > 1 && rest.length < 4);
    for (const part of rest) t.ok(query.includes(part) && countWords(part) <= 64);
  }
  t.equal(parts(`${LOG}\n请求体的默认上限是多少？`)[0], '请求体的默认上限是多少？');
});

t.test('without a question mark the last line and the first are the question', async (t) => {
  t.same(parts(`Explain this log\n${LOG}\nin one sentence`).slice(0, 2), ['in one sentence', 'Explain this log']);
});

t.test('a question that is itself too long is cut like the rest', async (t) => {
  const query = `${'very '.repeat(200)}long?`;
  for (const part of parts(query)) t.ok(countWords(part) <= 64);
});

t.test('what was asked before is searched with the question, and the question alone comes first', async (t) => {
  t.same(parts('And on Sundays?', 'When are you open?'), ['And on Sundays?', 'When are you open?\nAnd on Sundays?']);
  t.same(parts('And on Sundays?', 'word '.repeat(64)), ['And on Sundays?'], 'where the embedder reads both');
});

t.test('a query without an end is cut as fast as one of a page', async (t) => {
  const charactersFor = (query: string) => {
    let characters = 0;
    const found = cutWhole({ query, context: 'Before?' }, (text) => {
      characters += text.length;
      return countWords(text);
    });
    t.ok(found.length > 0 && found.every((part) => countWords(part) <= 64 && query.includes(part)));
    return characters;
  };
  const words = Array.from({ length: 80_000 }, (_, n) => `word${n % 1000}`).join(' ');
  t.ok(charactersFor(words) <= 1.5 * charactersFor(words.slice(0, 4000)));
});

t.test('of many question marks one is taken, and a long blank is no part', async (t) => {
  t.equal(parts(`${LOG}\nAre you sure???`)[0], 'Are you sure?');
  t.equal(parts(`${'?'.repeat(500)} ${'word '.repeat(100)}`)[0], '?');
  t.match(parts(`${'word '.repeat(64)}end${' '.repeat(2000)}`)[0], /end$/);
  t.match(parts(`${'word '.repeat(40)}${' '.repeat(2000)}${'word '.repeat(40)}`), [/word/, /word/]);
});

t.test('others have their turn several times while a long query is cut', async (t) => {
  const turns: number[] = [];
  let characters = 0;
  const count = (text: string) => {
    characters += text.length;
    return countWords(text);
  };
  const query = Array.from({ length: 1000 }, (_, n) => `word${n}`).join(' ');
  cutWhole({ query, context: '' }, count, () => {
    turns.push(characters);
    characters = 0;
  });
  t.ok(turns.length >= 4, `${turns.length} turns`);
  t.ok(2 * Math.max(...turns) < turns.reduce((sum, one) => sum + one), String(turns));
});
