import t from 'tap';
import { chunkFile, embeddedText } from '../../../../src/retrieval/chunking/chunk-file.js';
import { countWords } from '../../../fixtures/retrieval/count-words.js';

const LIMITS = { budgetTokens: 24, overlapTokens: 8 };

async function texts(filename: string, content: string, limits = LIMITS): Promise<string[]> {
  const passages = await chunkFile({ filename, content: Buffer.from(content) }, limits, countWords);
  return [...passages].map(({ text }) => text);
}

t.test('paragraphs of a section share a passage as long as they fit', async (t) => {
  t.same(await texts('a.md', '# T\n\nOne two.\n\nThree four.\n\n## Next\n\nFive.'), [
    'One two.\n\nThree four.',
    'Five.',
  ]);
});

t.test('a paragraph that does not fit is cut between sentences, and the last one is repeated', async (t) => {
  const sentences = Array.from({ length: 6 }, (_, n) => `Rule ${n} says that you pay now.`);
  const passages = await texts('a.txt', sentences.join(' '));
  t.ok(passages.length > 1);
  t.ok(passages.every((passage) => passage.startsWith('Rule') && passage.endsWith('now.')));
  const [first, second] = passages as [string, string];
  t.notOk(second.startsWith(sentences[0]!));
  t.equal(first.split(/(?<=\.) /).at(-1), second.split(/(?<=\.) /)[0]);
});

t.test('tables, lists and code stay whole where they fit', async (t) => {
  const table = '| a | b |\n| - | - |\n| 1 | 2 |';
  t.same(await texts('a.md', `Some words before the table come first, and they are many more.\n\n${table}\n\nAfter.`), [
    'Some words before the table come first, and they are many more.',
    `${table}\n\nAfter.`,
  ]);
});

t.test('a function stays whole, blank lines in its body included', async (t) => {
  const one = 'function one() {\n  const a = 1;\n\n  return a;\n}';
  const two = 'function two() {\n  const b = 2;\n\n  return b;\n}';
  t.same(await texts('a.ts', `${one}\n\n${two}\n`), [one, two]);
});

t.test('code that does not fit is cut at blank lines, and lines keep their indentation', async (t) => {
  const body = Array.from({ length: 8 }, (_, n) => `    step_${n} = call(${n})`).join('\n');
  const passages = await texts('a.py', `def f():\n${body}\n`, { budgetTokens: 24, overlapTokens: 0 });
  t.ok(passages.length > 1);
  t.ok(passages.slice(1).every((passage) => passage.startsWith('    step_')));
});

t.test('byte ranges count bytes, not characters', async (t) => {
  const content = Buffer.from('\ufeff# Gebühren\n\nDie Gebühr ist 🎉 fällig.\n\n## Ende\n\nSchluß.');
  for (const passage of await chunkFile({ filename: 'a.md', content }, LIMITS, countWords)) {
    t.equal(content.subarray(passage.byteStart, passage.byteEnd).toString(), passage.text);
    t.equal(passage.tokens, countWords(passage.text));
  }
});

t.test('what is no readable text is refused with the reason', async (t) => {
  const refused = (filename: string, content: Uint8Array, reason: RegExp) =>
    t.rejects(chunkFile({ filename, content }, LIMITS, countWords), {
      code: 'unsupported_file',
      message: reason,
    });
  await refused('a.xyz', Buffer.from('text'), /files of type \.xyz are not supported; supported are PDF, Word/);
  await refused('a.md', Buffer.from([0xc3, 0x28]), /not valid UTF-8/);
  await refused(
    'a.md',
    Buffer.from('Die Gebühr für größere Beträge', 'latin1'),
    /looks like Latin-1 \(Windows-1252\); save it as UTF-8/,
  );
  const japanese = Buffer.from([0x8e, 0xe8, 0x90, 0x94, 0x97, 0xbf, 0x82, 0xcd, 0x20]);
  await refused('a.md', japanese, /looks like an East Asian encoding/);
  const declared = Buffer.concat([Buffer.from('<meta charset="iso-2022-jp"><p>'), japanese]);
  await refused('a.html', declared, /it is written in iso-2022-jp; save it as UTF-8/);
  await refused('a.md', Buffer.from('\ufeff\u200b\u00ad '), /no text/);
  await refused('a.txt', Buffer.from('a\0b'), /binary/);
  await refused('README', Buffer.from(' \n\t'), /no text/);
  t.same(await texts('README', 'read me'), ['read me']);
});

/** Passages with the text that stands at their place in the file. */
async function placed(filename: string, content: Uint8Array, decode: (bytes: Uint8Array) => string, limits = LIMITS) {
  return [...(await chunkFile({ filename, content }, limits, countWords))].map(({ text, byteStart, byteEnd }) => ({
    text,
    source: decode(content.subarray(byteStart, byteEnd)),
  }));
}

t.test('UTF-16 is read with and without a byte order mark, and places count its bytes', async (t) => {
  const text = '# Gebühren\n\nDie Gebühr ist 🎉 fällig.';
  const little = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf16le');
  const big = (bytes: Uint8Array) => Buffer.from(bytes).swap16().toString('utf16le');
  const found = [{ text: 'Die Gebühr ist 🎉 fällig.', source: 'Die Gebühr ist 🎉 fällig.' }];
  for (const content of [`\ufeff${text}`, text]) {
    t.same(await placed('a.md', Buffer.from(content, 'utf16le'), little), found);
    t.same(await placed('a.md', Buffer.from(content, 'utf16le').swap16(), big), found);
  }
});

t.test('a page in the encoding that it declares is read', async (t) => {
  const html = '<html><head><meta charset="iso-8859-1"></head><p>Die Gebühr beträgt 5 %</p>';
  const latin = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
  t.same(await placed('a.html', Buffer.from(html, 'latin1'), latin), [
    { text: 'Die Gebühr beträgt 5 %', source: 'Die Gebühr beträgt 5 %' },
  ]);
  const xml = '<?xml version="1.0" encoding="windows-1252"?><p>für alle</p>';
  t.match(await placed('a.xhtml', Buffer.from(xml, 'latin1'), latin), [{ text: 'für alle' }]);
});

t.test('a page in an East Asian encoding is read, and places count its bytes', async (t) => {
  // Shift_JIS: a character of one byte, one of two, and ASCII in between.
  const page = Buffer.concat([
    Buffer.from('<meta charset="Shift_JIS"><title>x</title><p>'),
    Buffer.from([0xb6, 0x8e, 0xe8, 0x90, 0x94, 0x97, 0xbf, 0x20, 0x35]),
    Buffer.from('</p><p>'),
    Buffer.from([0x82, 0xcd]),
  ]);
  const limits = { budgetTokens: 6, overlapTokens: 0 };
  t.same(await placed('a.html', page, (bytes) => Buffer.from(bytes).toString('hex'), limits), [
    { text: 'ｶ手数料 5', source: 'b68ee8909497bf2035' },
    { text: 'は', source: '82cd' },
  ]);
  const gb18030 = Buffer.concat([
    Buffer.from('<meta charset="gb18030"><p>'),
    Buffer.from([0x81, 0x30, 0x81, 0x30, 0xb7, 0xd1]),
  ]);
  t.same(await placed('a.html', gb18030, (bytes) => Buffer.from(bytes).toString('hex')), [
    { text: '\u0080费', source: '81308130b7d1' },
  ]);
});

t.test('characters that nobody sees are in no passage, and places still lead to the file', async (t) => {
  const utf8 = (bytes: Uint8Array) => Buffer.from(bytes).toString();
  const content = Buffer.from('\ufeff# T\n\nThe re\u00adpay\u200bment fee\u2060 is\u200e due.\n\n## N\n\nA\u200cB.');
  t.same(await placed('a.md', content, utf8), [
    { text: 'The repayment fee is due.', source: 'The re\u00adpay\u200bment fee\u2060 is\u200e due.' },
    { text: 'AB.', source: 'A\u200cB.' },
  ]);
  t.same(
    await texts('a.txt', 'می\u200cخواهم 👩\u200d💻'),
    ['می\u200cخواهم 👩\u200d💻'],
    'joiners that a script needs stay',
  );
  t.same(await texts('a.txt', `ignore${String.fromCodePoint(0xe0041, 0xe0042)} this`), ['ignore this'], 'tags');
});

t.test('a file with the line ends of old Macs, or of Windows, is cut like any other', async (t) => {
  for (const end of ['\r', '\r\n', '\n']) {
    const content = ['# Fees', '', 'One two.', '', '## Next', '', '| a | b |', '| - | - |', '| 1 | 2 |'].join(end);
    const passages = [...(await chunkFile({ filename: 'a.md', content: Buffer.from(content) }, LIMITS, countWords))];
    t.same(
      passages.map(({ headingPath, text }) => [headingPath.join(' › '), text]),
      [
        ['Fees', 'One two.'],
        ['Fees › Next', '| a | b |\n| - | - |\n| 1 | 2 |'],
      ],
      JSON.stringify(end),
    );
    t.equal(passages[0]!.byteStart, 6 + 2 * end.length);
  }
});

t.test('comments in Markdown cannot be found', async (t) => {
  t.same(await texts('a.md', '# T\n\nOne.<!-- secret -->\n\n<!--\nsecret too\n-->\nTwo.'), ['One.\n\n\nTwo.']);
});

t.test('rows that are cut off from their header have it repeated', async (t) => {
  const header = '| fee | euros |\n| --- | --- |';
  const row = (n: number) => `| number ${n} | ${n} |`;
  const markdown = `# T\n\n${header}\n${Array.from({ length: 12 }, (_, n) => row(n)).join('\n')}\n\nAfter the table.`;
  const limits = { budgetTokens: 48, overlapTokens: 8 };
  const passages = await texts('a.md', markdown, limits);
  t.equal(passages.pop(), 'After the table.', 'and no rows before what follows the table');
  t.ok(passages.length > 2);
  for (const passage of passages) {
    t.ok(passage.startsWith(`${header}\n| number`), passage);
    t.ok(countWords(passage) <= 48);
  }
  for (let n = 0; n < 12; n++) t.equal(passages.filter((passage) => passage.includes(row(n))).length, 1);

  const cells = Array.from({ length: 12 }, (_, n) => `<tr><td>number ${n}<td>${n}`).join('');
  const html = await texts('a.html', `<table><tr><th>fee<th>euros${cells}</table>`, {
    budgetTokens: 30,
    overlapTokens: 8,
  });
  t.ok(html.length > 2 && html.every((passage) => passage.startsWith('| fee | euros |\n| number')));

  const csv = `fee,euros\n${Array.from({ length: 20 }, (_, n) => `number ${n},${n}`).join('\n')}`;
  const records = await texts('a.csv', csv, { budgetTokens: 30, overlapTokens: 8 });
  t.ok(records.length > 2 && records.every((passage) => passage.startsWith('fee,euros\nnumber')));
  const nameless = await texts('a.csv', csv.slice(10), { budgetTokens: 30, overlapTokens: 8 });
  t.ok(
    nameless.slice(1).every((passage) => !passage.startsWith('number 0')),
    'a record is no header',
  );
});

t.test('a header that would leave no room for rows is not repeated, and the budget holds', async (t) => {
  const header = `| ${'a long name of a column | '.repeat(4)}\n|${' --- |'.repeat(4)}`;
  const rows = Array.from({ length: 8 }, (_, n) => `| ${n} | one two three four | b | c |`).join('\n');
  const passages = await texts('a.md', `${header}\n${rows}`);
  t.ok(passages.length > 2 && passages.every((passage) => countWords(passage) <= LIMITS.budgetTokens));
  t.equal(passages.filter((passage) => passage.includes('a long name')).length >= 1, true);
});

t.test('Chinese and Japanese are cut between sentences, and a long one between its parts', async (t) => {
  const chinese = Array.from({ length: 12 }, (_, n) => `第${n}条规定客户必须支付费用。`).join('');
  const japanese = Array.from({ length: 12 }, (_, n) => `「手数料は${n}円です。」と銀行は言った。`).join('');
  for (const text of [chinese, japanese]) {
    const passages = await texts('a.txt', text, { budgetTokens: 40, overlapTokens: 0 });
    t.ok(passages.length > 2);
    for (const passage of passages) t.match(passage, /[。」]$/, passage);
  }
  const long = `${'客户支付费用，'.repeat(20)}结束。`;
  for (const passage of await texts('a.txt', long, { budgetTokens: 40, overlapTokens: 0 })) t.match(passage, /[，。]$/);
});

t.test('no passage reaches over what was left out of a page', async (t) => {
  t.same(await texts('a.html', '<main><p>One.</p><nav>Menu</nav><p>Two.</p><p>Three.</p></main>'), [
    'One.',
    'Two.\n\nThree.',
  ]);
});

t.test('a vector is made of the outermost folder, the headings and the text', async (t) => {
  const passage = { headingPath: ['Redaction', 'Paths'], text: 'Keys to hide.' };
  t.equal(embeddedText('pino/docs/redaction.md', passage), 'pino › Redaction › Paths\nKeys to hide.');
  t.equal(embeddedText('/pino/redaction.md', passage), 'pino › Redaction › Paths\nKeys to hide.');
  t.equal(embeddedText('redaction.md', passage), 'Redaction › Paths\nKeys to hide.');
});
