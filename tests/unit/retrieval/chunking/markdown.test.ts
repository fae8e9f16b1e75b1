import t from 'tap';
import { parseMarkdown } from '../../../../src/retrieval/chunking/markdown.js';
import { unseenOf } from '../../../../src/retrieval/chunking/markdown-unseen.js';

function blocks(text: string, title = 'file') {
  const document = parseMarkdown(text, title);
  return document.blocks.map(({ headings, kind, start, end }) => [headings.join(' › '), kind, text.slice(start, end)]);
}

t.test('headings make paths, and the first one of level 1 is the title', async (t) => {
  t.same(blocks('intro\n\n# Fees\n\nA\n\n## Early\n\nB\n\n### Late ###\nC\n\n## Other\nD\n\n# Second\nE'), [
    ['Fees', 'prose', 'intro'],
    ['Fees', 'prose', 'A'],
    ['Fees › Early', 'prose', 'B'],
    ['Fees › Early › Late', 'prose', 'C'],
    ['Fees › Other', 'prose', 'D'],
    ['Fees › Second', 'prose', 'E'],
  ]);
});

t.test('without one the title is the name of the file', async (t) => {
  t.same(blocks('## Early\n\nB', 'fees'), [['fees › Early', 'prose', 'B']]);
});

t.test('underlined headings count', async (t) => {
  t.same(blocks('Fees\n====\n\nA\n\nEarly\n---\nB'), [
    ['Fees', 'prose', 'A'],
    ['Fees › Early', 'prose', 'B'],
  ]);
});

t.test('a heading is shown without its markup', async (t) => {
  t.same(blocks('# T\n## `reply.send()` and [hooks](Hooks.md) <a id="x"></a> *now*\nA'), [
    ['T › reply.send() and hooks now', 'prose', 'A'],
  ]);
});

t.test('fenced code is one block, whatever is in it', async (t) => {
  const code = '```js\n# no heading\n\nconst a = 1;\n```';
  t.same(blocks(`# T\nA\n${code}\nB`), [
    ['T', 'prose', 'A'],
    ['T', 'lines', code],
    ['T', 'prose', 'B'],
  ]);
  t.same(blocks('~~~~\n~~~\n```\n~~~~\nB').length, 2);
  t.same(blocks('```\nopen to the end\n\n# T'), [['file', 'lines', '```\nopen to the end\n\n# T']]);
});

t.test('a list is one block, blank lines and indented paragraphs included', async (t) => {
  const list = '- one\n  goes on\n\n- two\n\n  more of two\n  1. inner';
  t.same(blocks(`Intro:\n${list}\n\nAfter`), [
    ['file', 'prose', 'Intro:'],
    ['file', 'lines', list],
    ['file', 'prose', 'After'],
  ]);
});

t.test('a table is one block', async (t) => {
  const table = '| fee | euros |\n| --- | ---: |\n| early | 995 |\n| late | 12 |';
  t.same(blocks(`A\n${table}\n\nB`), [
    ['file', 'prose', 'A'],
    ['file', 'table', table],
    ['file', 'prose', 'B'],
  ]);
});

t.test('front matter is a block of its own, and its title is the title', async (t) => {
  t.same(blocks('---\ntitle: "The fees"\n---\n\n# Heading\nA'), [
    ['The fees', 'lines', '---\ntitle: "The fees"\n---'],
    ['The fees › Heading', 'prose', 'A'],
  ]);
});

t.test('a heading with nothing below it is a block, so that it can be found', async (t) => {
  t.same(blocks('# T\n## Empty\n## Full\nA\n## Last'), [
    ['T › Empty', 'prose', '## Empty'],
    ['T › Full', 'prose', 'A'],
    ['T › Last', 'prose', '## Last'],
  ]);
});

t.test('the column names of a table and the rule below them are its header', async (t) => {
  const text = '| fee | euros |\n| --- | ---: |\n| early | 995 |';
  const [table] = parseMarkdown(text, 'file').blocks;
  t.equal(text.slice(table!.start, table!.headerEnd), '| fee | euros |\n| --- | ---: |');
});

t.test('comments and empty anchors are what nobody reads, except in code', async (t) => {
  const hidden = (text: string) => unseenOf(text).map(({ start, end }) => text.slice(start, end));
  t.same(hidden('a <!-- b --> c <!--d--> e'), ['<!-- b -->', '<!--d-->']);
  t.same(hidden('<!--\nlong\n```\nsecret\n-->\nshown'), ['<!--\nlong\n```\nsecret\n-->']);
  t.same(hidden('```html\n<!-- shown -->\n```\n<!-- hidden -->'), ['<!-- hidden -->']);
  t.same(hidden('`<!-- shown -->` and ``a ` <!-- shown -->``'), []);
  t.same(hidden('open <!-- to the end'), []);
  t.same(hidden('<a id="body-limit"></a>\n<a name=\'b\'> </a> <a id="c"/>'), [
    '<a id="body-limit"></a>',
    "<a name='b'> </a>",
    '<a id="c"/>',
  ]);
  t.same(hidden('`<a id="x"></a>` <a href="y"></a> <a id="z">shown</a>'), []);
});
