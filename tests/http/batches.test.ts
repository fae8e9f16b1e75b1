import OpenAI, { toFile } from 'openai';
import t, { type Test } from 'tap';
import { bearer, createTestServer, KEY, KEY_WITHOUT_ROUTE, OTHER_KEY } from './fakes.js';

const ENDPOINT = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'What is the fee?' }];
const line = (custom_id: string, body: object = {}, change: object = {}) =>
  JSON.stringify({ custom_id, method: 'POST', url: ENDPOINT, body: { model: 'plain', messages, ...body }, ...change });

async function open(t: Test, folder = t.testdir()) {
  const server = await createTestServer({ keptIn: folder });
  const baseURL = `${await server.app.listen({ port: 0 })}/v1`;
  const client = (apiKey = KEY) => new OpenAI({ apiKey, baseURL, maxRetries: 0 });
  const openai = client();
  const upload = async (lines: readonly string[]) =>
    (await openai.files.create({ file: await toFile(Buffer.from(lines.join('\n')), 'b.jsonl'), purpose: 'batch' })).id;
  const create = async (lines: readonly string[]) =>
    openai.batches.create({
      input_file_id: await upload(lines),
      endpoint: ENDPOINT,
      completion_window: '24h',
      metadata: { job: 'nightly' },
    });
  const until = async (id: string, status: string) => {
    for (;;) {
      const batch = await openai.batches.retrieve(id);
      if (batch.status === status) return batch;
      if (/^(failed|completed|expired|cancelled)$/.test(batch.status)) throw new Error(JSON.stringify(batch));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const read = async (fileId: string | null | undefined) =>
    (await (await openai.files.content(fileId!)).text())
      .trimEnd()
      .split('\n')
      .map((json) => JSON.parse(json));
  return { ...server, client, openai, upload, create, until, read };
}

t.test('openai: the lines of a file are answered into one of results, and refusals into one of errors', async (t) => {
  const { app, create, until, read, engine, openai, registry } = await open(t);
  t.teardown(() => app.close());
  const batch = await create([line('one'), '', line('two', { temperature: 9 }), line('three', { model: 'nothing' })]);
  t.match(batch, { id: /^batch_/, object: 'batch', status: 'validating', metadata: { job: 'nightly' }, errors: null });
  t.equal(batch.expires_at, batch.created_at + 86_400);
  const done = await until(batch.id, 'completed');
  t.match(done.request_counts, { total: 3, completed: 1, failed: 2 });
  t.match(await read(done.output_file_id), [
    {
      id: /^batch_req_/,
      custom_id: 'one',
      response: { status_code: 200, body: { choices: [{ message: { content: 'Hello world' } }] } },
      error: null,
    },
  ]);
  t.match(await read(done.error_file_id), [
    { custom_id: 'two', response: { status_code: 400, body: { error: { param: 'temperature' } } } },
    { custom_id: 'three', response: { status_code: 404 } },
  ]);
  t.match(engine.requests, [{ priority: 'batch', tenant: 'bank' }]);
  t.match(registry.answers, [{ tenant: 'bank', keyId: 'key-1' }]);
  const ids: string[] = [];
  for await (const { id } of openai.batches.list()) ids.push(id);
  t.same(ids, [batch.id]);
});

t.test('a file that is wrong fails as a whole, with what is wrong by line', async (t) => {
  const { app, create, until, engine } = await open(t);
  t.teardown(() => app.close());
  const { id } = await create([
    line('one'),
    line('one'),
    '{',
    line('two', {}, { url: '/v1/embeddings' }),
    line('three', {}, { method: 'GET' }),
  ]);
  const failed = await until(id, 'failed');
  t.match(failed.errors?.data, [
    { code: 'duplicate_custom_id', line: 2 },
    { code: 'invalid_json_line', line: 3 },
    { code: 'invalid_json_line', line: 4, message: /url must be/ },
    { code: 'invalid_json_line', line: 5, message: /method/ },
  ]);
  t.equal(engine.requests.length, 0);
});

t.test('what was not begun can be called off; what was answered is in the file', async (t) => {
  const { app, create, until, read, engine, openai } = await open(t);
  t.teardown(() => app.close());
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  engine.answer([{ wait: held }, 'Done']);
  const batch = await create(Array.from({ length: 40 }, (_, n) => line(`line ${n}`)));
  await until(batch.id, 'in_progress');
  t.equal((await openai.batches.cancel(batch.id)).status, 'cancelling');
  // Until it is looked at again.
  await new Promise((resolve) => setTimeout(resolve, 600));
  release();
  const done = await until(batch.id, 'cancelled');
  const answered = await read(done.output_file_id);
  t.ok(answered.length < 40, `${answered.length} lines`);
  t.equal(done.request_counts?.completed, answered.length);
  t.equal((await openai.batches.cancel(batch.id)).status, 'cancelled', 'one that is over stays as it is');
});

t.test('after a restart a batch goes on where it was, and asks nothing twice', async (t) => {
  const folder = t.testdir();
  const first = await open(t, folder);
  const answered = new Set<number>();
  let stuck = () => {};
  const never = new Promise<void>((resolve) => {
    stuck = resolve;
  });
  const { addBatchResult } = first.registry;
  first.registry.addBatchResult = async (id, result) => {
    await addBatchResult(id, result);
    answered.add(result.line);
    if (answered.size === 3) first.engine.answer([{ wait: never }]);
  };
  const batch = await first.create(Array.from({ length: 12 }, (_, n) => line(`line ${n}`)));
  while (answered.size < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  await first.app.close();
  stuck();

  const second = await open(t, folder);
  t.teardown(() => second.app.close());
  // The documents of the fakes are in memory.
  const { getFileContent } = second.retrieval;
  second.retrieval.getFileContent = async (tenant, id, groups) =>
    id === batch.input_file_id
      ? first.retrieval.getFileContent(tenant, id, groups)
      : getFileContent(tenant, id, groups);
  const done = await second.until(batch.id, 'completed');
  t.match(done.request_counts, { total: 12, completed: 12, failed: 0 });
  t.equal(second.engine.requests.length, 12 - answered.size);
  const ids = (await second.read(done.output_file_id)).map(({ custom_id }) => custom_id);
  t.same(
    ids,
    Array.from({ length: 12 }, (_, n) => `line ${n}`),
    'in the order of the file',
  );
});

t.test('only who may do what its lines do can bring a batch, and nobody sees that of another tenant', async (t) => {
  const { app, client, create, upload, openai } = await open(t);
  t.teardown(() => app.close());
  const { id, input_file_id } = await create([line('one')]);
  const { batches } = client(OTHER_KEY);
  const notFound = { status: 404, code: 'not_found' };
  await t.rejects(batches.retrieve(id), notFound);
  await t.rejects(batches.cancel(id), notFound);
  const request = { input_file_id, endpoint: ENDPOINT, completion_window: '24h' } as const;
  await t.rejects(batches.create(request), notFound);
  await t.rejects(client(KEY_WITHOUT_ROUTE).batches.create(request), { status: 403, code: 'scope_missing' });
  const file = await openai.files.create({ file: await toFile(Buffer.from('# A'), 'a.md'), purpose: 'assistants' });
  await t.rejects(openai.batches.create({ ...request, input_file_id: file.id }), {
    status: 400,
    code: 'invalid_value',
  });
  const unknown = { ...request, endpoint: '/v1/files', input_file_id: await upload([line('x')]) };
  const response = await app.inject({ method: 'POST', url: '/v1/batches', headers: bearer(), payload: unknown });
  t.match(response.json(), { error: { param: 'endpoint' } });
});
