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
      ['file', 'table', '| fee | euros |\n| early | 995 |'],
      ['file', 'lines', 'one\nsub\ntwo'],
      ['file', 'prose', 'end'],
    ],
  );
});

/** The lines of the only table in a page. */
function rows(html: string): string[] {
  const [table] = blocks(`<table>${html}</table>`);
  return table![2]!.split('\n');
}

t.test('values stay in their columns, whatever is empty or spans several', async (t) => {
  t.same(rows('<tr><th></th><th>2025</th><th>2026</th></tr><tr><td>early</td><td></td><td>5</td></tr>'), [
    '| | 2025 | 2026 |',
    '| early | | 5 |',
  ]);
  t.same(
    rows(
      '<tr><th rowspan=2>fee<th colspan="2">euros<tr><th>old<th>new<tr><td>early<td colspan=2>995<tr><td>late<td>1<td>2',
    ),
    ['| fee | euros | euros |', '| fee | old | new |', '| early | 995 | 995 |', '| late | 1 | 2 |'],
  );
  t.same(rows('<tr><td rowspan=3>a<td>1<tr><td>2<tr><td>3<tr><td>b<td>4'), [
    '| a | 1 |',
    '| a | 2 |',
    '| a | 3 |',
    '| b | 4 |',
  ]);
});

t.test('a cell is one line, whatever breaks are in it', async (t) => {
  t.same(
    rows(
      '<tr><th>Early<br>repayment<th>Fee<br/>in EUR<tr><td><p>995</p><p>from May</p><td><ul>\n<li>one\n<li>two\n</ul>',
    ),
    ['| Early repayment | Fee in EUR |', '| 995; from May | one; two |'],
  );
});

t.test('the rows that name the columns are the header of the table', async (t) => {
  const header = (html: string) => {
    const { text, blocks } = parseHtml(`<table>${html}</table>`, 'file');
    return blocks[0]!.headerEnd === undefined ? null : text.slice(blocks[0]!.start, blocks[0]!.headerEnd);
  };
  t.equal(header('<thead><tr><td>fee<td>euros</thead><tr><td>early<td>995'), '| fee | euros |');
  t.equal(header('<tr><th>fee<th>euros<tr><th>both<th>each<tr><td>early<td>995'), '| fee | euros |\n| both | each |');
  t.equal(header('<caption>Fees</caption><tr><th>fee<tr><td>early'), 'Fees\n| fee |');
  t.equal(header('<tr><th>early<td>995<tr><th>late<td>1'), null);
});

t.test('a table that only puts blocks beside each other is no table', async (t) => {
  const page = '<table><tr><td>Menu<td><h1>Fees</h1><p>Intro.<table><tr><th>fee<tr><td>early</table><p>Outro.</table>';
  const found = blocks(page);
  t.match(found, [
    ['file', 'lines', 'Menu\nFees; Intro.'],
    ['file', 'table', '| fee |\n| early |'],
    ['file', 'prose', 'Outro.'],
  ]);
  t.same(blocks('<table><tr><td><pre>1\n2</pre><td><pre>if x:\n    y</pre></table>'), [
    ['file', 'lines', '1\n2'],
    ['file', 'lines', 'if x:\n    y'],
  ]);
});

t.test('cells that span everything make no page a multiple of itself', async (t) => {
  const cell = `<td colspan=1000 rowspan=65534>${'x'.repeat(200)}`;
  const html = `<table><tr>${cell.repeat(50)}${'<tr><td>y'.repeat(5000)}</table>`;
  t.ok(parseHtml(html, 'file').text.length < 5 * html.length);
});

t.test('soft hyphens and zero-width characters are not part of a word, written as entities either', async (t) => {
  t.same(blocks('<p>re&shy;pay&#8203;ment</p>'), [['file', 'prose', 'repayment']]);
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

t.test('the range of rows holds their last cells', async (t) => {
  const html = '<table><tr><td>early<td>995<tr><td>late<td>0</table>';
  const document = parseHtml(html, 'file');
  const { start, end } = document.sourceRange(document.blocks[0]!);
  t.equal(html.slice(start, end), '<td>early<td>995<tr><td>late<td>0');
});

t.test('markup that is left open loses no text', async (t) => {
  t.same(blocks('<div><ul><li>one<table><tr><td>two'), [
    ['file', 'lines', 'one'],
    ['file', 'table', '| two |'],
  ]);
  t.same(blocks('</p></div>x<h1>y'), [
    ['y', 'prose', 'x'],
    ['y', 'prose', 'y'],
  ]);
});

t.test('elements without an end may not pile up', async (t) => {
  // Each stray end tag is looked for among all that are open: 8 MiB of these would take a quarter of an hour.
  t.throws(() => parseHtml('<b></x>'.repeat(1_000_000), 'deep.html'), {
    code: 'document_too_complex',
    message: /^deep\.html cannot be read: its elements lie more than 1024 deep/,
  });
  t.same(blocks(`${'<b>'.repeat(1_000)}x`), [['file', 'prose', 'x']]);
  t.equal(blocks('<p>x<br><img src=y>'.repeat(3_000)).length, 3_000, 'what ends by itself does not count');
});

t.test('what stands on every page of a site is left out', async (t) => {
  const page = (content: string) => `<title>Fees | Bank</title>
    <header><h1>Fees</h1><nav><h2>Menu</h2><ul><li>Home<li>Cards</ul></nav></header>
    <div class="cookie-banner"><p>We use cookies.</p></div>${content}
    <aside>Related</aside><div role="contentinfo">Imprint</div><footer>© Bank</footer>`;
  const found = [
    ['Fees › Early', 'prose', 'The fee is 5.'],
    ['Fees › Early', 'prose', 'A note.'],
  ];
  const own = '<header><h2>Early</h2></header><p>The fee is 5.</p><aside>A note.</aside>';
  for (const part of ['main', 'article']) t.same(blocks(page(`<p>Ad.</p><${part}>${own}</${part}>`)), found, part);
  t.same(blocks(page(`<div role="main">${own}</div>`)), found, 'by role');
  t.same(blocks(page('<p>The fee is 5.</p>')), [['Fees', 'prose', 'The fee is 5.']], 'without a main part');
});

t.test('a part called main that holds next to nothing is not all there is', async (t) => {
  const text = 'The fee is 5 and has to be paid at once.';
  t.same(blocks(`<main><p>Loading</p></main><p>${text}</p>`), [
    ['file', 'prose', 'Loading'],
    ['file', 'prose', text],
  ]);
  t.same(
    blocks('<nav><ul><li>Cards<li>Loans</ul></nav>'),
    [['file', 'lines', 'Cards\nLoans']],
    'a page of links alone',
  );
});

t.test('a list of short links is a menu, one of long ones is not', async (t) => {
  const links = (...titles: string[]) => `<ul>${titles.map((title) => `<li><a href=x>${title}</a>`).join('')}</ul>`;
  const articles = Array.from({ length: 4 }, (_, n) => `How to repay a loan early, part ${n}`);
  t.same(blocks(`${links('Home', 'Cards', 'Loans', 'Help')}<p>Text.</p>${links(...articles)}`), [
    ['file', 'prose', 'Text.'],
    ['file', 'lines', articles.join('\n')],
  ]);
});
