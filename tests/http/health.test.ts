import t from 'tap';
import { createTestServer } from './fakes.js';

t.test('ready means that engine, tokenizer and retrieval are, and the answer says which is not', async (t) => {
  const { app, engine, tokenizer, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  t.same((await app.inject('/readyz')).json(), {
    status: 'ready',
    checks: {
      engine: { ready: true, reason: null },
      tokenizer: { ready: true, reason: null },
      retrieval: { ready: true, reason: null },
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
