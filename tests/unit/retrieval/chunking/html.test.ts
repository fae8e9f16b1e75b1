import t from 'tap';
import { parseHtml } from '../../../../src/retrieval/chunking/html.js';

function blocks(html: string, title = 'file') {
  const document = parseHtml(html, title);
  return document.blocks.map(({ headings, kind, start, end }) => [
    headings.join(' › '),
    kind,
    document.text.slice(start, end),
  ]);
}

t.test('the text of a page is what its reader sees', async (t) => {
  const html = `<html><head><title>Ignored | Bank</title><style>p { color: red }</style></head><body>
    <h1>Fees <b>2026</b></h1><p>The fee is
    <b>1.5&nbsp;%</b> &amp; due.<br>Now.</p><script>alert(1)</script><div>Bye</div></body></html>`;
  t.same(blocks(html), [
    ['Fees 2026', 'prose', 'The fee is 1.5 % & due.\nNow.'],
    ['Fees 2026', 'prose', 'Bye'],
  ]);
});

t.test('headings make paths; without one the page title counts, then the file name', async (t) => {
  t.same(blocks('<title>Bank</title><h2>A</h2>one<h3>B</h3>two<h2>C</h2>three'), [
    ['Bank › A', 'prose', 'one'],
    ['Bank › A › B', 'prose', 'two'],
    ['Bank › C', 'prose', 'three'],
  ]);
  t.same(blocks('<p>one', 'fees'), [['fees', 'prose', 'one']]);
});

t.test('tables and lists are one block each, with a line for each row and item', async (t) => {
  t.same(
    blocks('<table><tr><th>fee<th>euros</tr><tr><td>early<td>995</table><ul><li>one<ul><li>sub</ul><li>two</ul>end'),
    [
      ['file', 'lines', 'fee | euros\nearly | 995'],
      ['file', 'lines', 'one\nsub\ntwo'],
      ['file', 'prose', 'end'],
    ],
  );
});

t.test('preformatted text keeps its lines and indentation', async (t) => {
  t.same(blocks('<p>a   b</p><pre>if x:\n    y = 1\n\nz</pre>'), [
    ['file', 'prose', 'a b'],
    ['file', 'lines', 'if x:\n    y = 1\n\nz'],
  ]);
});

t.test('ranges lead back to the source, to the character', async (t) => {
  const html = '<p>Fees &amp; <i>dues</i> of\n 5&nbsp;% apply</p><p>Second</p>';
  const document = parseHtml(html, 'file');
  const source = (words: string) => {
    const start = document.text.indexOf(words);
    const range = document.sourceRange({ start, end: start + words.length });
    return html.slice(range.start, range.end);
  };
  t.equal(source('Fees & dues'), 'Fees &amp; <i>dues');
  t.equal(source('&'), '&amp;');
  t.equal(source('of 5'), 'of\n 5');
  t.equal(source('app'), 'app');
  t.equal(source('Second'), 'Second');
});

t.test('markup that is left open loses no text', async (t) => {
  t.same(blocks('<div><ul><li>one<table><tr><td>two').flat().at(-1), 'one\ntwo');
  t.same(blocks('</p></div>x<h1>y'), [
    ['y', 'prose', 'x'],
    ['y', 'prose', 'y'],
  ]);
});
