import { strToU8, zipSync } from 'fflate';
import t from 'tap';
import { documentFile, passagesOf } from '../../../fixtures/documents/read.js';

/** Path, text and place of each passage. */
async function read(filename: string, content = documentFile(filename).content) {
  return (await passagesOf({ filename, content })).map(({ headingPath, text, location }) => [
    headingPath.join(' › '),
    text,
    location,
  ]);
}

const page = (first: number, last = first) => ({ type: 'page', first, last });
const slide = (number: number) => ({ type: 'slide', first: number, last: number });
const TABLE = '| Term | Rate |\n| 2 years | 3.1 % |\n| 5 years | 3.4 % |';

const HANDBOOK = [
  [
    'Mortgage handbook › Early repayment',
    'The early repayment fee is 1.5 % of the outstanding\namount. It is waived after five years.\n\n' +
      'Customers who move house may take the loan with them.',
    page(1),
  ],
  ['Mortgage handbook › Arrangement', 'The arrangement fee of 995 euros is added to the loan.', page(2)],
  ['Mortgage handbook › Complaints', 'Write to the branch manager within six months.', page(3)],
  ['Mortgage handbook › Complaints › Deadlines', 'An answer comes within eight weeks.', page(3)],
];

t.test('a PDF is read by its headings and pages, without what stands on every page', async (t) => {
  t.same(await read('handbook.pdf'), HANDBOOK);
});

t.test('what typesetting adds is no text, and a sentence that goes on overleaf is one', async (t) => {
  t.same(await read('manual.pdf'), [
    [
      'manual',
      'Fees of loans … 2\nCards … 9\n\n' +
        'Customers who stay longer pay less. The fee for early repayment is\nwaived after five years.\n\n' +
        'Cards are free.\n\nThey come by post.\n\nA lost one is replaced.',
      page(1, 6),
    ],
  ]);
});

t.test('a PDF in Japanese needs no tables of characters of its own', async (t) => {
  t.same(await read('japanese.pdf'), [['japanese', '手数料は五年後に免除されます。', page(1)]]);
});

t.test('a document of Word is read by its headings, with lists and tables', async (t) => {
  t.same(await read('handbook.docx'), [
    [
      'Mortgage handbook › Fees › Early repayment',
      'The early repayment fee is 1.5 % of the outstanding amount. It is waived after five years.\n\n' +
        'Proof of income\nProof of address',
      null,
    ],
    ['Mortgage handbook › Rates', TABLE, null],
  ]);
});

t.test('a presentation is read slide by slide, with its notes and tables', async (t) => {
  t.same(await read('deck.pptx'), [
    ['deck › Mortgages in 2026', 'Mortgages in 2026', slide(1)],
    ['deck › Early repayment', '1.5 % of the outstanding amount\nWaived after five years', slide(2)],
    ['deck › Early repayment › Notes', 'Say that customers who move house may take the loan with them.', slide(2)],
    ['deck › Rates', TABLE, slide(3)],
  ]);
});

t.test('a workbook is read sheet by sheet as its cells show it, without sheets that are hidden', async (t) => {
  t.same(await read('prices.xlsx'), [
    [
      'prices › Fees',
      'Price list\n\n' +
        '| Product | Fee | Share | From |\n' +
        '| Mortgage | 995.00 | 1.5% | 2026-03-14 |\n' +
        '| Mortgage | 0.00 | 1.0% | 2026-05-01 |\n' +
        '| Card | 12.50 | | 2026-01-01 |',
      { type: 'row', sheet: 'Fees', first: 1, last: 6 },
    ],
    [
      'prices › Branches',
      '| Town | Opening hours |\n| Bonn | Monday to Friday |',
      { type: 'row', sheet: 'Branches', first: 1, last: 2 },
    ],
  ]);
});

/** A workbook of one sheet with the given rows of cells. */
function workbook(sheetData: string, more: Record<string, string> = {}): Uint8Array {
  const relation = (id: string, type: string, target: string) =>
    `<Relationships><Relationship Id="${id}" Type="http://x/${type}" Target="${target}"/></Relationships>`;
  const parts = {
    '[Content_Types].xml': '<Types/>',
    '_rels/.rels': relation('a', 'officeDocument', 'xl/workbook.xml'),
    'xl/workbook.xml': '<x:workbook><x:sheets><x:sheet name="S" r:id="b"/></x:sheets></x:workbook>',
    'xl/_rels/workbook.xml.rels': relation('b', 'worksheet', '/xl/s.xml'),
    'xl/s.xml': `<worksheet><sheetData>${sheetData}</sheetData></worksheet>`,
    ...more,
  };
  return zipSync(Object.fromEntries(Object.entries(parts).map(([name, xml]) => [name, strToU8(xml)])));
}

t.test('rows of a long sheet have the names of its columns before them, and each passage its rows', async (t) => {
  const cell = (text: string) => `<c t="inlineStr"><is><t>${text}</t><rPh><t>reading</t></rPh></is></c>`;
  const row = (n: number) => `<row r="${n + 10}">${cell(`number ${n}`)}<c><v>${n}</v></c></row>`;
  const header = `<row r="10">${cell('name')}${cell('value')}</row>`;
  const content = workbook(header + Array.from({ length: 60 }, (_, n) => row(n + 1)).join(''));
  const passages = await passagesOf({ filename: 'a.xlsx', content });
  t.ok(passages.length > 2);
  let next = 10;
  for (const { text, location } of passages) {
    const lines = text.split('\n');
    t.equal(lines[0], '| name | value |');
    const rows = next === 10 ? lines : lines.slice(1);
    t.same(location, { type: 'row', sheet: 'S', first: next, last: next + rows.length - 1 });
    t.equal(rows.at(-1), `| number ${location!.last - 10} | ${location!.last - 10} |`);
    next = location!.last + 1;
  }
  t.equal(next, 71);
});

t.test('a sheet with one cell far away makes no long lines', async (t) => {
  const content = workbook('<row><c r="A1"><v>1</v></c><c r="XFD1"><v>2</v></c></row>');
  const [[, text]] = (await read('a.xlsx', content)) as [[string, string]];
  t.ok(text.length < 300);
});

t.test('sheets of odd programs are read: cells and rows without numbers, or with impossible ones', async (t) => {
  const rows = '<row r="1e999"><c><v>1</v></c><c/><c><v>2</v></c></row><row r="-1"><c r="?"><v>3</v></c></row>';
  t.same(await read('a.xlsx', workbook(rows)), [
    ['a › S', '| 1 | | 2 |\n| 3 |', { type: 'row', sheet: 'S', first: 1, last: 2 }],
  ]);
});

t.test('a very long sheet is read, and one of nothing but merged cells', async (t) => {
  const long = Array.from({ length: 150_000 }, (_, n) => `<row><c><v>${(n * 7919) % 100_003}</v></c></row>`);
  const merged = Array.from({ length: 20_000 }, (_, n) => `<mergeCell ref="A${n + 1}:B${n + 2}"/>`);
  const passages = await passagesOf({ filename: 'a.xlsx', content: workbook(`${long.join('')}${merged.join('')}`) });
  t.equal(passages.at(-1)!.location!.last, 150_000);
  t.match(passages[0]!.text, /^\| 0 \| 0 \|\n\| 7919 \| 0 \|/);
});

t.test('an e-mail is read with who wrote it, its text and its attachments', async (t) => {
  const subject = 'Gebühren für die Rückzahlung';
  t.same(await read('letter.eml'), [
    [
      subject,
      'From: Maria Lang <maria@example.com>\nTo: Jo <jo@example.com>, Kim <kim@example.com>\n' +
        'Date: Sat, 14 Mar 2026 09:30:00 +0100\n' +
        'Attachments: handbook.pdf, protected.pdf (not read: it is protected with a password; save it without one)',
      null,
    ],
    [subject, 'Hallo Jo,\n\ndie Gebühr von 995 € entfällt nach fünf Jahren.\n\nMaria', null],
    ...HANDBOOK.map(([path, ...rest]) => [`${subject} › handbook.pdf › ${path}`, ...rest]),
  ]);
});

t.test('an e-mail without plain text is read by its HTML', async (t) => {
  const mail = 'From: a@example.com\nContent-Type: text/html\n\n<h2>Fees</h2><p>The fee is 5&nbsp;%.</p>';
  t.match(await read('a.eml', Buffer.from(mail)), [
    ['a', 'From: a@example.com'],
    ['a › Fees', 'The fee is 5 %.'],
  ]);
});

t.test('e-mails that are attached to each other end somewhere', async (t) => {
  const wrap = (inner: string) =>
    `From: a@example.com\nSubject: s\nContent-Type: multipart/mixed; boundary=b${inner.length}\n\n` +
    `--b${inner.length}\nContent-Disposition: attachment; filename="m.eml"\nContent-Type: application/octet-stream\n\n` +
    `${inner}\n--b${inner.length}--\n`;
  let mail = 'From: a@example.com\n\ninnermost';
  for (let depth = 0; depth < 6; depth++) mail = wrap(mail);
  const paths = (await read('a.eml', Buffer.from(mail))).map(([path]) => path as string);
  t.equal(Math.max(...paths.map((path) => path.split('m.eml').length)), 4);
});

t.test('JSON lines are records of named values, which lead to their lines', async (t) => {
  const lines = ['{"q": "Wie hoch?", "meta": {"tags": ["fee", "loan"], "n": 5}}', '', 'no JSON', '["a\\u00e9", null]'];
  const content = Buffer.from(lines.join('\n'));
  const [passage, ...others] = await passagesOf({ filename: 'a.jsonl', content });
  t.same(others, []);
  t.equal(passage!.text, 'q: Wie hoch?\nmeta.tags: fee, loan\nmeta.n: 5\n\nno JSON\n\naé, null');
  t.same(passage!.location, { type: 'line', first: 1, last: 4 });
  t.same([passage!.byteStart, passage!.byteEnd], [0, content.length]);
});

t.test('source code and CSV tell their lines', async (t) => {
  t.match(await read('a.py', Buffer.from('\n\nx = 1\r\ny = 2\n')), [['a.py', 'x = 1\ny = 2', { first: 3, last: 4 }]]);
  t.match(await read('a.csv', Buffer.from('name,fee\rcard,5')), [
    ['a', 'name,fee\ncard,5', { type: 'line', first: 1, last: 2 }],
  ]);
});

t.test('what a file is tells its content, not its name', async (t) => {
  t.same(await read('handbook.txt', documentFile('handbook.pdf').content), HANDBOOK);
  t.match(await read('slides.docx', documentFile('deck.pptx').content), [
    [/^slides/, /^Mortgages/, slide(1)],
    [],
    [],
    [],
  ]);
});

t.test('what cannot be read is refused with the reason and what to do', async (t) => {
  const refused = (filename: string, content: Uint8Array, reason: RegExp) =>
    t.rejects(passagesOf({ filename, content }), { code: 'unsupported_file', message: reason });
  const { content: pdf } = documentFile('handbook.pdf');
  const { content: docx } = documentFile('handbook.docx');
  await refused('scanned.pdf', documentFile('scanned.pdf').content, /page has no text.*\(a scan\).*text recognition/);
  await refused('protected.pdf', documentFile('protected.pdf').content, /protected with a password/);
  await refused('protected.xlsx', documentFile('protected.xlsx').content, /protected with a password/);
  await refused('a.pdf', pdf.subarray(0, 300), /damaged/);
  await refused('a.docx', docx.subarray(0, docx.length - 100), /damaged/);
  await refused('a.pdf', Buffer.from('<!DOCTYPE html><p>Sign in'), /called \.pdf, but holds a web page/);
  await refused('a.docx', Buffer.from('text'), /called \.docx, but its content is something else/);
  await refused('a.pdf', Buffer.alloc(0), /called \.pdf, but is empty/);
  await refused('a.eml', Buffer.from(' \n'), /no text/);
  await refused('a.eml', Buffer.from('\nonly text'), /no headers of an e-mail/);
  await refused('a.zip', zipSync({ 'a.txt': strToU8('x') }), /archive.*supported are PDF/);
  await refused('a.xlsx', workbook(''), /no text/);
  const old = Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.from('WordDocument', 'utf16le')]);
  await refused('a.doc', old, /Word 97 to 2003 \(\.doc\); save it as \.docx/);
});

t.test('what would unpack to far more than it is is refused before it does', async (t) => {
  const refused = (content: Uint8Array, reason: RegExp) =>
    t.rejects(passagesOf({ filename: 'a.xlsx', content }), { code: 'unsupported_file', message: reason });
  await refused(workbook('<row/>'.repeat(1_000_000)), /more than 200 times its size, as in a ZIP bomb/);
  // Large parts that are no bombs one by one.
  const noise = Array.from({ length: 400_000 }, (_, n) => ((n * 2_654_435_761) % 4_294_967_296).toString(36)).join(' ');
  await refused(workbook(noise.repeat(50)), /unpacked it takes more than 128 MiB/);
  // A part that says to be small is unpacked no further than that, and then is not what its checksum says.
  const lying = workbook('<row><c><v>1</v></c></row>'.repeat(1000));
  const name = Buffer.from(lying).lastIndexOf('xl/s.xml');
  new DataView(lying.buffer, lying.byteOffset).setUint32(name - 22, 60, true);
  await refused(lying, /damaged/);
});
