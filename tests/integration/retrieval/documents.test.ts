import t from 'tap';
import { addText, ask, dataFolder, NEVER, settled, startRetrieval } from '../../fixtures/retrieval/retrieval.js';

const FEES = `# Mortgage fees

## Early repayment

The early repayment fee is 1.5 % of the outstanding amount. It is waived after five years.

## Arrangement

The arrangement fee of 995 is added to the loan.
`;
const CARDS = `# Cards

## Lost cards

Report a lost card in the app within 24 hours; a new one arrives in three working days.
`;

t.test('documents of two tenants', async (t) => {
  const retrieval = await startRetrieval(dataFolder(t));
  t.teardown(() => retrieval.close());
  const store = await retrieval.createStore('bank', { name: 'policies', metadata: { owner: 'risk' } });
  const fees = await addText(retrieval, 'bank', store.id, 'fees.md', FEES);
  const cards = await addText(retrieval, 'bank', store.id, 'cards.md', CARDS);
  t.equal((await settled(retrieval, 'bank', store.id, fees)).status, 'completed');
  t.match(await settled(retrieval, 'bank', store.id, cards), { status: 'completed', passages: 1, error: null });

  await t.test('a question finds the passage that answers it, with its headings and its bytes', async (t) => {
    const { passages, snapshot, timings } = await retrieval.search(
      ask('How much does it cost to repay early?', 'bank'),
      NEVER,
    );
    t.match(passages[0], { filename: 'fees.md', fileId: fees, storeId: store.id });
    t.same(passages[0]!.headingPath, ['Mortgage fees', 'Early repayment']);
    const bytes = Buffer.from(FEES).subarray(passages[0]!.byteStart, passages[0]!.byteEnd);
    t.equal(bytes.toString(), passages[0]!.text);
    t.ok(passages[0]!.score > 0.1 && passages[0]!.score <= 1);
    t.same(
      passages.map(({ score }) => score),
      passages.map(({ score }) => score).toSorted((a, b) => b - a),
    );
    t.ok(snapshot.startsWith(store.id));
    t.ok(timings.embedMs > 0);
  });

  await t.test('passages below minScore and beyond topK are left out', async (t) => {
    const query = ask('I lost my card', 'bank');
    const best = await retrieval.search({ ...query, topK: 1 }, NEVER);
    t.equal(best.passages.length, 1);
    const none = await retrieval.search({ ...query, minScore: best.passages[0]!.score + 0.001 }, NEVER);
    t.same(none.passages, []);
  });

  await t.test(
    'another tenant sees neither files nor stores nor passages, and cannot tell that they exist',
    async (t) => {
      await t.rejects(retrieval.getFile('copilot', fees), { code: 'not_found' });
      await t.rejects(retrieval.getFileContent('copilot', fees), { code: 'not_found' });
      await t.rejects(retrieval.deleteFile('copilot', fees), { code: 'not_found' });
      await t.rejects(retrieval.getStore('copilot', store.id), { code: 'not_found' });
      await t.rejects(retrieval.search(ask('fee', 'copilot', store.id), NEVER), { code: 'not_found' });
      const own = await retrieval.createStore('copilot', { name: 'docs', metadata: {} });
      await t.rejects(retrieval.attachFile('copilot', own.id, { fileId: fees, attributes: {} }), { code: 'not_found' });
      t.same((await retrieval.search(ask('early repayment fee', 'copilot'), NEVER)).passages, []);
      t.same((await retrieval.listFiles('copilot', { limit: 10, after: null, order: 'desc' }, null)).items, []);
    },
  );

  await t.test('a tenant without a store finds nothing', async (t) => {
    t.match(await retrieval.search(ask('fee', 'nobody'), NEVER), { passages: [], snapshot: 'none' });
  });

  await t.test('stores are counted, changed and listed page by page', async (t) => {
    const counted = await retrieval.getStore('bank', store.id);
    t.match(counted, { name: 'policies', fileCounts: { inProgress: 0, completed: 2, failed: 0, total: 2 } });
    t.ok(counted.usageBytes > FEES.length);
    const renamed = await retrieval.updateStore('bank', store.id, { name: 'rules' });
    t.match(renamed, { name: 'rules', metadata: { owner: 'risk' } });
    const second = await retrieval.createStore('bank', { name: 'second', metadata: {} });
    const first = await retrieval.listStores('bank', { limit: 1, after: null, order: 'asc' });
    t.match(first, { items: [{ id: store.id }], hasMore: true });
    const next = await retrieval.listStores('bank', { limit: 1, after: store.id, order: 'asc' });
    t.match(next, { items: [{ id: second.id }], hasMore: false });
    t.match((await retrieval.listStores('bank', { limit: 5, after: second.id, order: 'desc' })).items, [
      { id: store.id },
    ]);
    await retrieval.deleteStore('bank', second.id);
    await t.rejects(retrieval.getStore('bank', second.id), { code: 'not_found' });
  });

  await t.test('files are given back byte for byte', async (t) => {
    t.equal(Buffer.from(await retrieval.getFileContent('bank', fees)).toString(), FEES);
    t.match(await retrieval.getFile('bank', fees), { filename: 'fees.md', bytes: FEES.length, purpose: 'assistants' });
  });

  await t.test('a file that is attached again stays as it is, with its new attributes', async (t) => {
    const attributes = { region: 'north', year: 2026, draft: false };
    const again = await retrieval.attachFile('bank', store.id, { fileId: fees, attributes });
    t.match(again, { status: 'completed', attributes });
    const { passages } = await retrieval.search(ask('early repayment fee', 'bank'), NEVER);
    t.same(passages[0]!.attributes, attributes);
  });

  await t.test('a detached file is not found any more, and the snapshot tells', async (t) => {
    const before = await retrieval.search(ask('lost card', 'bank'), NEVER);
    t.equal(before.passages[0]!.fileId, cards);
    await retrieval.detachFile('bank', store.id, cards);
    const after = await retrieval.search(ask('lost card', 'bank'), NEVER);
    t.notOk(after.passages.some(({ fileId }) => fileId === cards));
    t.not(after.snapshot, before.snapshot);
    t.ok(await retrieval.getFile('bank', cards), 'the file itself stays');
  });

  await t.test('a deleted file goes with its passages', async (t) => {
    await retrieval.deleteFile('bank', fees);
    await t.rejects(retrieval.getFile('bank', fees), { code: 'not_found' });
    await t.rejects(retrieval.getStoreFile('bank', store.id, fees), { code: 'not_found' });
    t.same((await retrieval.search(ask('early repayment fee', 'bank'), NEVER)).passages, []);
    t.equal((await retrieval.getStore('bank', store.id)).fileCounts.total, 0);
  });
});

t.test('what cannot be read is refused at upload, or fails in the store', async (t) => {
  const retrieval = await startRetrieval(dataFolder(t), { maxFileBytes: 2048 });
  t.teardown(() => retrieval.close());
  const upload = (filename: string, content: Uint8Array, purpose = 'assistants') =>
    retrieval.createFile('bank', { filename, purpose, content });

  await t.rejects(upload('report.pdf', Buffer.from('%PDF-1.7')), { code: 'unsupported_file' });
  await t.rejects(upload('latin1.txt', Buffer.from('prix : 5 \u20ac \xe9', 'latin1')), { code: 'unsupported_file' });
  await t.rejects(upload('binary.md', Buffer.from([65, 0, 66])), { code: 'unsupported_file' });
  await t.rejects(upload('blank.md', Buffer.from(' \n')), { code: 'unsupported_file' });
  await t.rejects(upload('large.md', Buffer.alloc(2049, 'a')), { code: 'file_too_large' });
  const stored = await upload('report.pdf', Buffer.from('%PDF-1.7'), 'batch');
  const store = await retrieval.createStore('bank', { name: 'policies', metadata: {} });
  await retrieval.attachFile('bank', store.id, { fileId: stored.id, attributes: {} });
  const failed = await settled(retrieval, 'bank', store.id, stored.id);
  t.match(failed, {
    status: 'failed',
    passages: 0,
    error: { code: 'unsupported_file', message: /report\.pdf cannot be read/ },
  });
  t.match((await retrieval.getStore('bank', store.id)).fileCounts, { failed: 1, total: 1 });
});

t.test('embeddings', async (t) => {
  const retrieval = await startRetrieval(dataFolder(t), { maxPendingCalls: 6 });
  t.teardown(() => retrieval.close());
  const texts = [
    'The fee is waived.',
    'There is no charge.',
    'Bananas are yellow.',
    ...Array.from({ length: 12 }, (_, i) => `Text ${i}`),
  ];
  const { vectors, tokens } = await retrieval.embed('bank', texts, NEVER);
  const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, index) => sum + value * b[index]!, 0);

  t.equal(vectors.length, texts.length);
  t.ok(
    vectors.every(
      (vector) => vector.length === retrieval.embedder.dimensions && Math.abs(cosine(vector, vector) - 1) < 1e-5,
    ),
  );
  t.ok(cosine(vectors[0]!, vectors[1]!) > cosine(vectors[0]!, vectors[2]!), 'texts that mean the same lie nearer');
  t.ok(tokens > texts.length * 3);

  const alone = await retrieval.embed('bank', [texts[0]!], NEVER);
  t.ok(cosine(alone.vectors[0]!, vectors[0]!) > 0.9999, 'a vector does not depend on what was embedded with it');

  const long = retrieval.embed('bank', ['fine', 'word '.repeat(600)], NEVER);
  await t.rejects(long, { code: 'invalid_value', message: /input\[1\].*602 tokens.*at most 512/ });

  const endless = retrieval.embed('bank', ['x'.repeat(100_000)], NEVER);
  await t.rejects(endless, { code: 'invalid_value', message: /at least 2500 tokens/ });

  const controller = new AbortController();
  const aborted = retrieval.embed(
    'bank',
    Array.from({ length: 500 }, (_, i) => `Text ${i}`),
    controller.signal,
  );
  controller.abort();
  await t.rejects(aborted, { name: 'AbortError' });
  const calls = [1, 2, 3, 4].map((n) => retrieval.embed('bank', [`Text ${n}`], NEVER));
  await t.rejects(calls.pop()!, { code: 'queue_full', retryAfterS: 1 });
  t.equal((await Promise.all(calls)).length, 3, 'those within the limit are answered');
  t.equal((await retrieval.embed('bank', ['still there'], NEVER)).vectors.length, 1);
});

t.test('the same file under three names is one hit, and leaves room for others', async (t) => {
  const retrieval = await startRetrieval(dataFolder(t));
  t.teardown(() => retrieval.close());
  const store = await retrieval.createStore('bank', { name: 'policies', metadata: {} });
  const text = 'The early repayment fee is 1.5 % of the outstanding amount.';
  const added = [
    ...['fees.txt', 'copy-of-fees.txt', 'fees-2.txt'].map((name) => [name, text] as const),
    ['cards.md', CARDS] as const,
    ['answers.md', '# Answers\n\n## May I repay early?\n\nYes.\n\n## May I repay late?\n\nYes.'] as const,
  ];
  for (const [name, content] of added) {
    const file = await addText(retrieval, 'bank', store.id, name, content);
    t.match(await settled(retrieval, 'bank', store.id, file), { status: 'completed' });
  }
  const { passages } = await retrieval.search({ ...ask('early repayment fee', 'bank'), topK: 4 }, NEVER);
  t.equal(passages.filter((passage) => passage.text === text).length, 1);
  t.equal(passages[0]!.text, text);
  t.equal(
    passages.filter((passage) => passage.text === 'Yes.').length,
    2,
    'below other headings it says something else',
  );
  t.equal(passages.length, 4);
});

t.test('a question below a page of log lines finds what it asks for', async (t) => {
  const retrieval = await startRetrieval(dataFolder(t));
  t.teardown(() => retrieval.close());
  const store = await retrieval.createStore('bank', { name: 'policies', metadata: {} });
  const workers = '# Operations\n\n## Background workers\n\nWorkers are started at boot and log a line each.';
  for (const [name, content] of [
    ['fees.md', FEES],
    ['workers.md', workers],
  ] as const) {
    const file = await addText(retrieval, 'bank', store.id, name, content);
    t.match(await settled(retrieval, 'bank', store.id, file), { status: 'completed' });
  }
  const log = Array.from({ length: 30 }, (_, n) => `2026-11-26T12:00:${n + 10} INFO worker ${n} started at boot`);
  const query = `${log.join('\n')}\n\nHow much is the early repayment fee?`;
  const { passages } = await retrieval.search({ ...ask(query, 'bank'), topK: 2 }, NEVER);
  t.ok(passages.some(({ headingPath }) => headingPath.includes('Early repayment')));
  t.ok(
    passages.some(({ headingPath }) => headingPath.includes('Background workers')),
    'the log lines count too',
  );
  const one = await retrieval.search({ ...ask(query, 'bank'), topK: 1 }, NEVER);
  t.ok(one.passages[0]!.headingPath.includes('Early repayment'));
});
