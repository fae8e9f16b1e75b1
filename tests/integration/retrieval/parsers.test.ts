import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import t, { type Test } from 'tap';
import type { Precedence } from '../../../src/retrieval/process/encoder.js';
import { createParsers } from '../../../src/retrieval/process/parsers.js';
import type { StoredContent } from '../../../src/retrieval/stores/stored-content.js';
import { storageTrouble } from '../../../src/sqlite/storage-trouble.js';
import {
  addText,
  ask,
  BASE_MODEL_DIR,
  dataFolder,
  NEVER,
  settled,
  startRetrieval,
} from '../../fixtures/retrieval/retrieval.js';
import { openRows } from '../../fixtures/retrieval/rows.js';

/** A million takes an HTML parser a second: each end tag is looked for among all elements that are open. */
const slowHtml = (endTags: number) => '<b>'.repeat(1000) + '</x>'.repeat(endTags);

function setUp(t: Test, limits = {}) {
  const parsers = createParsers({
    baseModelDir: BASE_MODEL_DIR,
    limits: { budgetTokens: 160, overlapTokens: 24 },
    parseTimeoutMs: 1000,
    parseMemoryBytes: 128 * 2 ** 20,
    maxPassages: 1000,
    ...limits,
  });
  t.teardown(() => parsers.close());
  type Content = string | Uint8Array | StoredContent;
  return (filename: string, content: Content, signal = NEVER, precedence: Precedence = 'behind') =>
    parsers.parse(
      { filename, content: typeof content === 'string' ? Buffer.from(content) : content },
      { precedence, signal },
    );
}

/** A PDF of one page with the given content. */
function pdfOf(stream: Uint8Array): Buffer {
  const objects = [
    '1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj',
    '2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj',
    '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj',
    `4 0 obj<</Length ${stream.length}/Filter/FlateDecode>>stream\n`,
  ];
  const end = '\nendstream endobj\ntrailer<</Root 1 0 R>>';
  return Buffer.concat([Buffer.from(`%PDF-1.7\n${objects.join('\n')}`), stream, Buffer.from(end)]);
}

function parserPids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
        return Number(parent) === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('parser/main');
      } catch {
        return false;
      }
    });
}

t.test('a file that takes too long, too much memory or makes too many passages is refused by name', async (t) => {
  const parse = setUp(t, { parseTimeoutMs: 10_000 });
  const tooLarge = parse('tags.html', '<p>x<p>'.repeat(1_100_000));
  await t.rejects(tooLarge, { code: 'document_too_complex', message: /tags\.html.*128 MiB of memory/ });
  const tooMany = parse('headings.md', '# Title\n\ntext\n\n'.repeat(1001));
  await t.rejects(tooMany, { code: 'document_too_complex', message: /more than 1000 passages/ });
  const tooSlow = setUp(t)('slow.html', slowHtml(4_000_000));
  await t.rejects(tooSlow, { code: 'document_too_complex', message: /slow\.html.*more than 1 s/ });
  await t.rejects(parse('a.pdf', 'x'), { code: 'unsupported_file' });
  // A stream that unpacks to a thousand times its size, outside of V8's heap.
  const bomb = parse('bomb.pdf', pdfOf(deflateSync(Buffer.alloc(600_000_000, ' '))));
  await t.rejects(bomb, { code: 'document_too_complex', message: /bomb\.pdf.*128 MiB of memory/ });
  t.match(await parse('fees.md', '# Fees\n\nThe fee is waived.'), [
    { headingPath: ['Fees'], text: 'The fee is waived.' },
  ]);
});

t.test('a parser serves one file after another, several files have one each, and a stop ends them', async (t) => {
  const parse = setUp(t, { parseTimeoutMs: 600_000, parseMemoryBytes: 2 ** 30 });
  await parse('a.md', 'text');
  const pids = parserPids();
  t.equal(pids.length, 1);
  await parse('b.md', 'text');
  t.same(parserPids(), pids);
  const stopping = new AbortController();
  const slow = parse('slow.html', slowHtml(12_000_000), stopping.signal);
  t.equal((await parse('c.md', 'text')).length, 1);
  t.equal(parserPids().length, 2);
  stopping.abort();
  await t.rejects(slow, { message: /the parser ended.*SIGKILL/ });
});

t.test('a file whose parser was killed from outside may be read again', async (t) => {
  const parse = setUp(t, { parseTimeoutMs: 600_000, parseMemoryBytes: 2 ** 30 });
  const slow = parse('slow.html', slowHtml(12_000_000));
  for (const pid of parserPids()) process.kill(pid, 'SIGKILL');
  await t.rejects(slow, { code: 'retrieval_unavailable', message: /the parser ended.*SIGKILL/ });
});

t.test('what is read behind everything has parsers that stepped back', async (t) => {
  const parse = setUp(t, { parseTimeoutMs: 10_000 });
  await parse('a.md', 'text', NEVER, 'behind');
  const [behind] = parserPids();
  await parse('b.md', 'text', NEVER, 'ahead');
  const ahead = parserPids().find((pid) => pid !== behind);
  t.ok(getPriority(behind) > getPriority(ahead));
  t.equal(getPriority(ahead), getPriority());
});

t.test('a parser reads what is stored by itself; a database that is away fails no file', async (t) => {
  const folder = dataFolder(t);
  const rows = await openRows(folder);
  const upload = { filename: 'fees.md', purpose: 'assistants', content: Buffer.from('# Fees\n\nThe fee is waived.') };
  const { id: fileId } = await rows.files.create('bank', upload, 1);
  const parse = setUp(t, { parseTimeoutMs: 10_000 });
  const database = join(folder, 'documents.db');
  t.match(await parse('fees.md', { database, fileId }), [{ headingPath: ['Fees'], text: 'The fee is waived.' }]);
  await t.rejects(parse('fees.md', { database, fileId: 'file-none' }), { code: 'not_found' });
  const away = parse('fees.md', { database: join(folder, 'away', 'documents.db'), fileId });
  t.equal(storageTrouble(await away.catch((error) => error)), 'the data folder is not there');
  t.equal(parserPids().length, 1, 'the same parser goes on');
  await rows.db.destroy();
});

t.test('a search does not wait for a parser, and the file fails with the reason', async (t) => {
  const retrieval = await startRetrieval(dataFolder(t), { parseTimeoutMs: 4000, maxFileBytes: 2 ** 25 });
  t.teardown(() => retrieval.close());
  const store = await retrieval.createStore('flood', { name: 's', metadata: {} });
  const fileId = await addText(retrieval, 'flood', store.id, 'slow.html', slowHtml(6_000_000));
  const own = await retrieval.createStore('bank', { name: 's', metadata: {} });
  const fees = await addText(retrieval, 'bank', own.id, 'fees.md', '# Fees\n\nThe fee is waived.');
  t.match(await settled(retrieval, 'bank', own.id, fees), { status: 'completed' });
  const { passages } = await retrieval.search(ask('What is waived?', 'bank'), NEVER);
  t.equal(passages.length, 1);
  t.match(await retrieval.getStoreFile('flood', store.id, fileId), { status: 'in_progress' }, 'meanwhile');
  t.match(await settled(retrieval, 'flood', store.id, fileId), {
    status: 'failed',
    error: { code: 'document_too_complex', message: /more than 4 s/ },
  });
});
