import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import type { RecogniseEntities } from '../../../../src/contracts/entities.js';
import type { RetrievalObservation } from '../../../../src/contracts/retrieval.js';
import { AppError } from '../../../../src/errors/app-error.js';
import { chunkFile, embeddedText } from '../../../../src/retrieval/chunking/chunk-file.js';
import { Ingest } from '../../../../src/retrieval/process/ingest.js';
import { createWorkQueue } from '../../../../src/retrieval/process/queue.js';
import { Sqlite } from '../../../../src/sqlite/open.js';
import { countWords } from '../../../fixtures/retrieval/count-words.js';
import { unhurried } from '../../../fixtures/retrieval/pace.js';
import { dataFolder } from '../../../fixtures/retrieval/retrieval.js';
import { openRows, type Rows } from '../../../fixtures/retrieval/rows.js';
import { annaIn } from '../../../http/fakes/retrieval.js';

/** A vector from the letters of a text. */
async function embed(texts: readonly string[]): Promise<Float32Array[]> {
  return texts.map((text) => {
    const vector = new Float32Array(26);
    for (const char of text.toLowerCase()) if (char >= 'a' && char <= 'z') vector[char.charCodeAt(0) - 97]! += 1;
    const norm = Math.hypot(...vector);
    return vector.map((value) => value / norm);
  });
}

async function setUp(
  t: Test,
  embedTexts = embed,
  isWithinAllowance = (_tenant: string) => true,
  recognise: RecogniseEntities = async (_tenant, texts) => texts.map(() => []),
) {
  const rows = await openRows(dataFolder(t));
  t.teardown(() => rows.db.destroy());
  const store = await rows.stores.create('bank', { name: 's', metadata: {} });
  const observations: RetrievalObservation[] = [];
  const errors: string[] = [];
  const parsedAs = new Map<string, string>();
  const embeddedAs = new Set<string>();
  const queue = createWorkQueue(...unhurried);
  const ingest = new Ingest({
    documents: rows.methods,
    parse: async ({ filename, content }, { precedence }) => {
      parsedAs.set(filename, precedence);
      const file = { filename, content: content as Uint8Array };
      return [...(await chunkFile(file, { budgetTokens: 16, overlapTokens: 0 }, countWords))];
    },
    shipped: () => null,
    embed: (tenant, _digest, texts, { precedence, signal }) => {
      embeddedAs.add(precedence);
      return queue.run('background', tenant, () => embedTexts(texts), signal);
    },
    recognise,
    rightOfWay: { take: () => () => void 0 },
    isWithinAllowance,
    batch: 2,
    // It stands still: pauses end by their timers.
    clock: { now: () => 1000, monotonicMs: () => 0 },
    onObservation: (observation) => observations.push(observation),
    onError: (_, what) => errors.push(what),
  });
  /** Reads until nothing waits. */
  const drain = async () => {
    ingest.start();
    while ((await rows.waiting()) > 0) await sleep(1);
    await ingest.stop();
  };
  return { rows, storeId: store.id, ingest, observations, errors, drain, parsedAs, embeddedAs };
}

const ROOMY = { limits: { files: 100, bytes: 1e9 }, nowS: 1 };

async function attach(
  rows: Rows,
  tenant: string,
  storeId: string,
  content: string,
  filename = 'a.md',
): Promise<string> {
  const file = await rows.files.create(tenant, { filename, purpose: 'assistants', content: Buffer.from(content) }, 1);
  await rows.storeFiles.attach(tenant, storeId, { fileId: file.id, attributes: {} }, ROOMY);
  return file.id;
}

const LONG = `# Fees\n\n${Array.from({ length: 5 }, (_, n) => `## Part ${n}\n\nThe fee of part ${n} is due.`).join('\n\n')}`;

t.test('a file becomes passages in order, all at once', async (t) => {
  const { rows, storeId, observations, drain } = await setUp(t);
  const fileId = await attach(rows, 'bank', storeId, LONG);
  await drain();
  t.match(await rows.storeFiles.get('bank', storeId, fileId), { status: 'completed', passages: 5 });
  const labels = await rows.vectors.keysUpTo('bank', 1, 1e9);
  const passages = [...(await rows.passages.load(await rows.scope('bank', [storeId]), labels)).values()];
  t.same(
    passages.map(({ headingPath }) => headingPath[1]),
    ['Part 0', 'Part 1', 'Part 2', 'Part 3', 'Part 4'],
  );
  t.match(observations, [{ type: 'ingest', outcome: 'completed', passages: 5 }]);
});

t.test('personal data is in no passage, vector, heading or word of a store that masks it', async (t) => {
  const seen: string[] = [];
  const { rows, storeId, drain } = await setUp(t, (texts) => {
    seen.push(...texts);
    return embed(texts);
  });
  await rows.stores.update('bank', storeId, { redaction: 'mask' });
  await attach(rows, 'bank', storeId, '# Of anna@example.org\n\nThe card 4111 1111 1111 1111 is blocked.');
  await drain();
  const labels = await rows.vectors.keysUpTo('bank', 1, 1e9);
  const [passage] = (await rows.passages.load(await rows.scope('bank', [storeId]), labels)).values();
  t.match(passage, { headingPath: ['Of [email]'], text: 'The card [card] is blocked.' });
  t.same(seen, ['Of [email]\nThe card [card] is blocked.']);
  const terms = await rows.db.selectFrom('postings').select('term').execute();
  t.notMatch(JSON.stringify(terms), /4111|anna/);
});

t.test(
  'names are in no passage, vector, heading or word of a store that masks them, and no passage is where they cannot be found',
  async (t) => {
    const seen: string[] = [];
    const { rows, storeId, drain } = await setUp(
      t,
      (texts) => {
        seen.push(...texts);
        return embed(texts);
      },
      undefined,
      async (_tenant, texts) => {
        if (texts.some((text) => text.includes('nobody')))
          throw new AppError('model_unavailable', { model: 'n', reason: 'r' });
        return texts.map(annaIn);
      },
    );
    await rows.stores.update('bank', storeId, { redaction: 'mask_names' });
    await attach(rows, 'bank', storeId, '# Of Anna Keller\n\nWrite to Anna, anna@example.org.');
    const failed = await attach(rows, 'bank', storeId, 'Here is nobody.', 'b.md');
    await drain();
    t.same(seen, ['Of [name]\nWrite to [name], [email].']);
    t.notMatch(JSON.stringify(await rows.db.selectFrom('postings').select('term').execute()), /anna|keller/);
    t.match(await rows.storeFiles.get('bank', storeId, failed), {
      status: 'failed',
      error: { code: 'model_unavailable' },
    });
  },
);

t.test('what is embedded has the headings before the text', async (t) => {
  const seen: string[] = [];
  const { rows, storeId, drain } = await setUp(t, (texts) => {
    seen.push(...texts);
    return embed(texts);
  });
  await attach(rows, 'bank', storeId, '# Fees\n\n## Early\n\nIt is waived.');
  await drain();
  t.same(seen, ['Fees › Early\nIt is waived.']);
});

t.test('what stands in a document twice, or stood in the version before, is embedded once', async (t) => {
  const seen: string[] = [];
  const { rows, storeId, drain } = await setUp(t, (texts) => {
    seen.push(...texts.map((text) => text.split('\n')[1]!));
    return embed(texts);
  });
  const replace = async (content: string) => {
    const file = await rows.files.create(
      'bank',
      { filename: 'a.md', purpose: 'assistants', content: Buffer.from(content) },
      1,
    );
    await rows.storeFiles.attach('bank', storeId, { fileId: file.id, attributes: {}, path: 'a.md' }, ROOMY);
    return file.id;
  };
  await replace('# A\n\nIt is due.\n\n# B\n\nIt is free.\n\n# A\n\nIt is due.');
  const second = await replace('# A\n\nIt is due.\n\n# B\n\nIt is dear.');
  const other = await rows.stores.create('bank', { name: 'other', metadata: {} });
  await rows.storeFiles.attach('bank', other.id, { fileId: second, attributes: {} }, ROOMY);
  const stranger = await rows.stores.create('copilot', { name: 's', metadata: {} });
  await attach(rows, 'copilot', stranger.id, '# A\n\nIt is due.');
  await drain();
  t.same(
    seen.toSorted(),
    ['It is dear.', 'It is due.', 'It is due.', 'It is free.'],
    'and by another tenant once more',
  );
  for (const id of [storeId, other.id]) {
    t.match(await rows.storeFiles.get('bank', id, second), { status: 'completed', passages: 2 });
    const scope = await rows.scope('bank', [id]);
    const labels = await rows.vectors.keysUpTo('bank', 1, 1e9);
    const passages = await rows.passages.load(scope, labels);
    for (const { label, embedding } of await rows.vectors.vectorsOf(scope, labels)) {
      t.same([embedding], await embed([embeddedText(passages.get(label)!.filename, passages.get(label)!)]));
    }
  }
});

t.test('a tenant with many files does not keep the others waiting', async (t) => {
  const order: string[] = [];
  const { rows, storeId, drain } = await setUp(t, (texts) => {
    order.push(...texts.map((text) => text.split('\n')[1]!));
    return embed(texts);
  });
  for (const n of [1, 2, 3]) await attach(rows, 'bank', storeId, `bank ${n}`);
  const other = await rows.stores.create('copilot', { name: 's', metadata: {} });
  await attach(rows, 'copilot', other.id, 'copilot 1');
  await drain();
  t.same(order, ['bank 1', 'copilot 1', 'bank 2', 'bank 3']);
});

t.test(
  'a short file of a tenant that uses little is read ahead, bulk and who uses much behind everything',
  async (t) => {
    const { rows, storeId, drain, parsedAs, embeddedAs } = await setUp(t, embed, (tenant) => tenant === 'bank');
    await attach(rows, 'bank', storeId, '# Hours\n\nAt nine.', 'short.md');
    await drain();
    t.same([...embeddedAs], ['ahead']);
    const other = await setUp(t, embed, (tenant) => tenant === 'bank');
    await attach(other.rows, 'bank', other.storeId, `# Hours\n\n${'At nine. '.repeat(1000)}`, 'long.md');
    const store = await other.rows.stores.create('copilot', { name: 's', metadata: {} });
    await attach(other.rows, 'copilot', store.id, 'short', 'flood.md');
    await other.drain();
    t.same([...embeddedAs, ...other.embeddedAs], ['ahead', 'behind']);
    t.same(
      [...parsedAs, ...other.parsedAs],
      [
        ['short.md', 'ahead'],
        ['long.md', 'behind'],
        ['flood.md', 'behind'],
      ],
    );
  },
);

t.test('a file that is removed while it is read leaves nothing behind', async (t) => {
  let fileId = '';
  const { rows, storeId, observations, drain } = await setUp(t, async (texts) => {
    if (fileId) await rows.files.delete('bank', fileId, 1);
    fileId = '';
    return embed(texts);
  });
  fileId = await attach(rows, 'bank', storeId, LONG);
  await drain();
  t.same(await rows.vectors.keysUpTo('bank', 1, 1e9), []);
  t.same(observations, []);
});

t.test('a file that cannot be read fails with the reason, and the next one is read', async (t) => {
  const { rows, storeId, observations, drain } = await setUp(t);
  const broken = await attach(rows, 'bank', storeId, 'text', 'a.pdf');
  const fine = await attach(rows, 'bank', storeId, 'text', 'a.md');
  await drain();
  t.match(await rows.storeFiles.get('bank', storeId, broken), {
    status: 'failed',
    error: { code: 'unsupported_file' },
  });
  t.match(await rows.storeFiles.get('bank', storeId, fine), { status: 'completed' });
  t.match(observations, [{ outcome: 'failed' }, { outcome: 'completed' }]);
});

t.test('an error on our side is no secret, but its details are for the log', async (t) => {
  const { rows, storeId, errors, drain } = await setUp(t, async () => {
    throw new Error('private words of the document');
  });
  const fileId = await attach(rows, 'bank', storeId, 'text');
  await drain();
  const { error } = await rows.storeFiles.get('bank', storeId, fileId);
  t.match(error, { code: 'server_error', message: /Attach it again/ });
  t.notMatch(error!.message, /private/);
  t.equal(errors.length, 1);
});

t.test(
  'a file that ended the process five times is given up, and attaching it again gives it another chance',
  async (t) => {
    const { rows, storeId, drain } = await setUp(t);
    const fileId = await attach(rows, 'bank', storeId, 'text');
    for (let attempt = 1; attempt <= 5; attempt++) {
      const { lease } = (await rows.next())!;
      t.equal(lease.attempt, attempt);
      await rows.jobs.risk(lease);
      // Whoever held it is dead.
      await rows.db.updateTable('jobs').set({ lease_until: 0 }).execute();
    }
    await drain();
    t.match(await rows.storeFiles.get('bank', storeId, fileId), {
      status: 'failed',
      error: { code: 'server_error', message: /ended 5 times/ },
    });
    await rows.storeFiles.attach('bank', storeId, { fileId: fileId, attributes: {} }, ROOMY);
    t.equal((await rows.next())!.lease.attempt, 1);
  },
);

t.test('a stop gives the file back to the queue without counting against it', async (t) => {
  const { rows, storeId, ingest } = await setUp(t, (texts) => {
    void ingest.stop();
    return embed(texts);
  });
  const fileId = await attach(rows, 'bank', storeId, LONG);
  ingest.start();
  await ingest.stop();
  t.match(await rows.storeFiles.get('bank', storeId, fileId), { status: 'in_progress', passages: 0 });
  t.equal((await rows.next())!.lease.attempt, 1);
});

t.test('a long file keeps its own tenant waiting, and no other', async (t) => {
  const { rows, storeId, ingest } = await setUp(t);
  const long = await attach(rows, 'bank', storeId, LONG.repeat(40));
  const behind = await attach(rows, 'bank', storeId, 'text');
  const other = await rows.stores.create('copilot', { name: 's', metadata: {} });
  const short = await attach(rows, 'copilot', other.id, 'text');
  ingest.start();
  while ((await rows.storeFiles.get('copilot', other.id, short)).status === 'in_progress') await sleep(1);
  t.match(await rows.storeFiles.get('bank', storeId, long), { status: 'in_progress' });
  t.match(await rows.storeFiles.get('bank', storeId, behind), { status: 'in_progress' });
  await ingest.stop();
});

t.test('one tenant fills half of the queue, by count and by bytes', async (t) => {
  const { rows, storeId } = await setUp(t);
  const add = async (tenant: string, limits: { files: number; bytes: number }) => {
    const content = Buffer.from('a text of 20 letters');
    const file = await rows.files.create(tenant, { filename: 'a.md', purpose: 'assistants', content }, 1);
    return rows.storeFiles.attach(tenant, storeId, { fileId: file.id, attributes: {} }, { limits, nowS: 1 });
  };
  for (const limits of [
    { files: 4, bytes: 1e9 },
    { files: 100, bytes: 80 },
  ]) {
    await rows.db.deleteFrom('store_files').execute();
    await add('flood', limits);
    await add('flood', limits);
    await t.rejects(add('flood', limits), { code: 'ingest_queue_full', retryAfterS: 10 });
    t.equal(await rows.waiting(), 2, 'what is refused does not wait');
    await add('other', limits);
    await add('other', limits);
  }
});

t.test('in a full queue the newest file of the longest gives way, and can be attached again', async (t) => {
  const { rows, storeId } = await setUp(t);
  const limits = { files: 4, bytes: 1e9 };
  const add = async (tenant: string) => {
    const file = await rows.files.create(
      tenant,
      { filename: 'a.md', purpose: 'assistants', content: Buffer.from('x') },
      1,
    );
    await rows.storeFiles.attach(tenant, storeId, { fileId: file.id, attributes: {} }, { limits, nowS: 1 });
    return file.id;
  };
  const flood = [await add('flood'), await add('flood')];
  for (const tenant of ['a', 'b', 'c']) await add(tenant);
  t.match(await rows.storeFiles.get('flood', storeId, flood[0]!), { status: 'in_progress' });
  t.match(await rows.storeFiles.get('flood', storeId, flood[1]!), {
    status: 'failed',
    error: { code: 'ingest_queue_full', message: /Retry after/ },
  });
  await t.rejects(add('a'), { code: 'ingest_queue_full' }, 'its own queue is as long as any');
  await rows.db.deleteFrom('store_files').where('tenant', '=', 'c').execute();
  await rows.storeFiles.attach('flood', storeId, { fileId: flood[1]!, attributes: {} }, { limits, nowS: 1 });
  t.match(await rows.storeFiles.get('flood', storeId, flood[1]!), { status: 'in_progress', error: null });
});

t.test('a full disk holds reading up; once there is room it goes on, and the file has lost nothing', async (t) => {
  let isFull = true;
  const { rows, storeId, ingest, errors } = await setUp(t, async (texts) => {
    // The database may not grow: what SQLite says then is what it says on a full disk.
    if (isFull) await sql`pragma max_page_count = 1`.execute(rows.db);
    return embed(texts);
  });
  const fileId = await attach(rows, 'bank', storeId, `# Fees\n\n${'The fee is due. '.repeat(2000)}`);
  ingest.start();
  while (ingest.trouble === null) await sleep(5);
  t.equal(ingest.trouble, 'the disk is full');
  t.match(await rows.storeFiles.get('bank', storeId, fileId), { status: 'in_progress' });
  isFull = false;
  await sql`pragma max_page_count = 1000000`.execute(rows.db);
  while ((await rows.waiting()) > 0) await sleep(20);
  t.match(await rows.storeFiles.get('bank', storeId, fileId), { status: 'completed' });
  while (ingest.trouble !== null) await sleep(5);
  t.same(errors, ['ingest waits for its database'], 'told once');
  await ingest.stop();
});

t.test('a busy database is waited for', async (t) => {
  const { rows, storeId, ingest } = await setUp(t);
  const fileId = await attach(rows, 'bank', storeId, 'text');
  await sql`pragma busy_timeout = 0`.execute(rows.db);
  const { rows: list } = await sql<{ file: string }>`pragma database_list`.execute(rows.db);
  const other = new Sqlite(list[0]!.file);
  other.exec('BEGIN IMMEDIATE');
  ingest.start();
  while (ingest.trouble === null) await sleep(5);
  t.equal(ingest.trouble, 'the database is busy');
  other.close();
  while ((await rows.waiting()) > 0) await sleep(20);
  t.match(await rows.storeFiles.get('bank', storeId, fileId), { status: 'completed' });
  await ingest.stop();
});
