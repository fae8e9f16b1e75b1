import t from 'tap';
import { readSamples, total } from './exposition.js';
import { createTestServer } from './fakes.js';

t.test('ready means that engine, tokenizer and retrieval are, and the answer says which is not', async (t) => {
  const { app, engine, tokenizer, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  t.same((await app.inject('/readyz')).json(), {
    status: 'ready',
    checks: {
      engine: { ready: true, reason: null, engines: { embedded: { ready: true, reason: null } } },
      tokenizer: { ready: true, reason: null },
      retrieval: { ready: true, reason: null },
      documents: { ready: true, reason: null, waiting: 0 },
      storage: { ready: true, reason: null },
    },
  });
  engine.ready = false;
  let response = await app.inject('/readyz');
  t.equal(response.statusCode, 503);
  t.match(response.json(), { status: 'not_ready', checks: { engine: { ready: false, reason: 'it is restarting' } } });
  engine.ready = true;
  tokenizer.ready = false;
  response = await app.inject('/readyz');
  t.equal(response.statusCode, 503);
  t.match(response.json().checks, { engine: { ready: true }, tokenizer: { ready: false } });
  tokenizer.ready = true;
  retrieval.ready = false;
  response = await app.inject('/readyz');
  t.equal(response.statusCode, 503);
  t.match(response.json().checks, { engine: { ready: true }, retrieval: { ready: false } });
  t.equal((await app.inject('/livez')).statusCode, 200, 'a process that waits for a child is alive');
});

t.test('documents whose database does not answer are not ready, however well their process is', async (t) => {
  const { app, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  retrieval.trouble = 'the database server does not answer';
  const response = await app.inject('/readyz');
  t.equal(response.statusCode, 503);
  const silent = { ready: false, reason: 'the database server does not answer' };
  t.match(response.json().checks, { engine: { ready: true }, retrieval: silent, documents: silent });
  retrieval.trouble = null;
  t.equal((await app.inject('/readyz')).statusCode, 200);
});

t.test('what waits for its cause to go away is named, while questions are answered', async (t) => {
  let trouble: string | null = 'the disk is full';
  const state = { starting: () => null, storageTrouble: async () => trouble, storageLost: async () => null };
  const { app, retrieval } = await createTestServer({ state });
  t.teardown(() => app.close());
  retrieval.ingestTrouble = 'the disk is full';
  const response = await app.inject('/readyz');
  t.equal(response.statusCode, 200);
  t.match(response.json(), {
    status: 'degraded',
    checks: {
      engine: { ready: true },
      documents: { ready: false, reason: 'the disk is full' },
      storage: { ready: false, reason: 'the disk is full' },
    },
  });
  const gauge = async (check: string) =>
    total(readSamples((await app.inject('/metrics')).body), 'check_ready', { check });
  t.equal(await gauge('storage'), 0);
  t.equal(await gauge('engine'), 1);
  trouble = null;
  retrieval.ingestTrouble = null;
  t.match((await app.inject('/readyz')).json(), { status: 'ready' });
  t.equal(await gauge('storage'), 1);
});

t.test('a start whose sample documents are not searchable yet is not ready', async (t) => {
  let reason: string | null = 'the sample documents are being read';
  const state = { starting: () => reason, storageTrouble: async () => null, storageLost: async () => null };
  const { app } = await createTestServer({ state });
  t.teardown(() => app.close());
  const response = await app.inject('/readyz');
  t.equal(response.statusCode, 503);
  t.match(response.json(), { status: 'not_ready', checks: { documents: { ready: false, reason } } });
  reason = null;
  t.equal((await app.inject('/readyz')).statusCode, 200);
});

t.test('the documentation is served with everything its page needs', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const page = await app.inject('/docs/');
  t.equal(page.statusCode, 200);
  for (const [, file] of page.body.matchAll(/(?:src|href)="(\.\/[^"]+)"/g)) {
    t.equal((await app.inject(`/docs/${file!.slice(2)}`)).statusCode, 200, file);
  }
  t.match((await app.inject('/docs/json')).json(), { openapi: '3.1.0', paths: { '/v1/chat/completions': {} } });
});
