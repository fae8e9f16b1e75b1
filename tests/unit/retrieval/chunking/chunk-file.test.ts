import t from 'tap';
import { chunkFile } from '../../../../src/retrieval/chunking/chunk-file.js';
import { countWords } from '../../../fixtures/retrieval/count-words.js';

const LIMITS = { budgetTokens: 24, overlapTokens: 8 };

function texts(filename: string, content: string, limits = LIMITS): string[] {
  return [...chunkFile({ filename, content: Buffer.from(content) }, limits, countWords)].map(({ text }) => text);
}

t.test('paragraphs of a section share a passage as long as they fit', async (t) => {
  t.same(texts('a.md', '# T\n\nOne two.\n\nThree four.\n\n## Next\n\nFive.'), ['One two.\n\nThree four.', 'Five.']);
});

t.test('a paragraph that does not fit is cut between sentences, and the last one is repeated', async (t) => {
  const sentences = Array.from({ length: 6 }, (_, n) => `Rule ${n} says that you pay now.`);
  const passages = texts('a.txt', sentences.join(' '));
  t.ok(passages.length > 1);
  t.ok(passages.every((passage) => passage.startsWith('Rule') && passage.endsWith('now.')));
  const [first, second] = passages as [string, string];
  t.notOk(second.startsWith(sentences[0]!));
  t.equal(first.split(/(?<=\.) /).at(-1), second.split(/(?<=\.) /)[0]);
});

t.test('tables, lists and code stay whole where they fit', async (t) => {
  const table = '| a | b |\n| - | - |\n| 1 | 2 |';
  t.same(texts('a.md', `Some words before the table come first, and they are many more.\n\n${table}\n\nAfter.`), [
    'Some words before the table come first, and they are many more.',
    `${table}\n\nAfter.`,
  ]);
});

t.test('a function stays whole, blank lines in its body included', async (t) => {
  const one = 'function one() {\n  const a = 1;\n\n  return a;\n}';
  const two = 'function two() {\n  const b = 2;\n\n  return b;\n}';
  t.same(texts('a.ts', `${one}\n\n${two}\n`), [one, two]);
});

t.test('code that does not fit is cut at blank lines, and lines keep their indentation', async (t) => {
  const body = Array.from({ length: 8 }, (_, n) => `    step_${n} = call(${n})`).join('\n');
  const passages = texts('a.py', `def f():\n${body}\n`, { budgetTokens: 24, overlapTokens: 0 });
  t.ok(passages.length > 1);
  t.ok(passages.slice(1).every((passage) => passage.startsWith('    step_')));
});

t.test('byte ranges count bytes, not characters', async (t) => {
  const content = Buffer.from('\ufeff# Gebühren\n\nDie Gebühr ist 🎉 fällig.\n\n## Ende\n\nSchluß.');
  for (const passage of chunkFile({ filename: 'a.md', content }, LIMITS, countWords)) {
    t.equal(content.subarray(passage.byteStart, passage.byteEnd).toString(), passage.text);
    t.equal(passage.tokens, countWords(passage.text));
  }
});

t.test('what is no readable text is refused with the reason', async (t) => {
  const refused = (filename: string, content: Uint8Array, reason: RegExp) =>
    t.throws(() => [...chunkFile({ filename, content }, LIMITS, countWords)], {
      code: 'unsupported_file',
      message: reason,
    });
  refused('a.pdf', Buffer.from('text'), /files of type \.pdf are not supported/);
  refused('a.md', Buffer.from([0xc3, 0x28]), /not valid UTF-8/);
  refused('a.txt', Buffer.from('a\0b'), /binary/);
  refused('README', Buffer.from(' \n\t'), /no text/);
  t.same(texts('README', 'read me'), ['read me']);
});
