import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { bearer, createTestServer, KEY, OTHER_KEY } from './fakes.js';

type App = Awaited<ReturnType<typeof createTestServer>>['app'];

interface Part {
  name: string;
  value: string | Uint8Array<ArrayBuffer>;
  filename?: string;
}

const file = (value: string | Uint8Array<ArrayBuffer>, filename = 'fees.md'): Part => ({
  name: 'file',
  value,
  filename,
});
const purpose = (value = 'assistants'): Part => ({ name: 'purpose', value });

function upload(app: App, parts: readonly Part[], key = KEY) {
  const form = new FormData();
  for (const { name, value, filename } of parts) {
    if (filename === undefined) form.append(name, value as string);
    else form.append(name, new Blob([value]), filename);
  }
  // The boundary and the bytes as a browser would send them.
  const request = new Request('http://localhost', { method: 'POST', body: form });
  return request.arrayBuffer().then((body) =>
    app.inject({
      method: 'POST',
      url: '/v1/files',
      headers: { ...bearer(key), 'content-type': request.headers.get('content-type')! },
      payload: Buffer.from(body),
    }),
  );
}

t.test('a file beyond what the tenant may keep is refused', async (t) => {
  const { app, registry } = await createTestServer();
  t.teardown(() => app.close());
  registry.limits = { ...registry.limits, storedBytes: 9 };
  t.equal((await upload(app, [file('123456789'), purpose()])).statusCode, 200);
  const refused = await upload(app, [file('1234567890'), purpose()]);
  t.equal(refused.statusCode, 403);
  t.equal(refused.json().error.code, 'storage_limit_reached');
});

t.test('a file is stored whole, whatever the order of the fields', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
  for (const parts of [
    [file(bytes), purpose()],
    [purpose('user_data'), file(bytes)],
  ]) {
    const response = await upload(app, parts);
    t.equal(response.statusCode, 200, response.body);
    const stored = response.json();
    t.match(stored, { id: String, object: 'file', bytes: 70_000, filename: 'fees.md', status: 'processed' });
    t.same((await app.inject({ url: `/v1/files/${stored.id}`, headers: bearer() })).json(), stored);
    const content = await app.inject({ url: `/v1/files/${stored.id}/content`, headers: bearer() });
    t.ok(content.rawPayload.equals(bytes));
    t.equal(content.headers['content-type'], 'application/octet-stream');
    t.equal(content.headers['content-disposition'], 'attachment');
  }
});

t.test('a large file is on the disk while it comes, and nothing of it is left, however that ends', async (t) => {
  const dataDir = t.testdir({});
  const { app, retrieval } = await createTestServer({ dataDir, retrieval: { maxFileBytes: 2 ** 20 } });
  t.teardown(() => app.close());
  const uploads = join(dataDir, 'uploads');
  const bytes = Uint8Array.from({ length: 2 ** 20 }, (_, index) => index % 251);
  const taken: unknown[] = [];
  const { createFile } = retrieval;
  retrieval.createFile = (tenant, upload, mostBytes) => {
    taken.push(...readdirSync(uploads).map((name) => statSync(join(uploads, name)).mode & 0o777));
    return createFile(tenant, upload, mostBytes);
  };
  const { id } = (await upload(app, [file(bytes), purpose()])).json();
  t.same(taken, [0o600]);
  t.ok((await app.inject({ url: `/v1/files/${id}/content`, headers: bearer() })).rawPayload.equals(bytes));
  const longer = Uint8Array.from({ length: 2 ** 20 + 1 });
  t.equal((await upload(app, [file(longer), purpose()])).statusCode, 413);
  t.equal((await upload(app, [file(bytes), purpose('none')])).statusCode, 400);
  t.equal((await upload(app, [file(bytes, 'a.zip'), purpose()])).statusCode, 422);
  while (readdirSync(uploads).length > 0) await setImmediate();
  rmSync(dataDir, { recursive: true });
  t.equal((await upload(app, [file(bytes), purpose()])).json().error.code, 'storage_unavailable');
  t.notOk(existsSync(dataDir), 'and nothing takes its place');
});

t.test('what is wrong with an upload is told by field', async (t) => {
  const { app } = await createTestServer({ retrieval: { maxFileBytes: 1024 } });
  t.teardown(() => app.close());
  const cases: [Part[], number, object][] = [
    [[purpose()], 400, { code: 'invalid_value', param: 'file' }],
    [[file('x')], 400, { code: 'invalid_value', param: 'purpose' }],
    [[file('x'), purpose('fine-tune')], 400, { code: 'invalid_value', param: 'purpose' }],
    [[file('x'), purpose(), { name: 'expires_after[anchor]', value: 'x' }], 400, { code: 'unsupported_parameter' }],
    [
      [{ name: 'other', value: 'x', filename: 'a.md' }, purpose()],
      400,
      { code: 'unsupported_parameter', param: 'other' },
    ],
    [[file('x'.repeat(1025)), purpose()], 413, { code: 'file_too_large' }],
    [[file('x', 'a.zip'), purpose()], 422, { code: 'unsupported_file' }],
    [[file('x'), file('y'), purpose()], 400, { code: 'invalid_value' }],
  ];
  for (const [parts, status, error] of cases) {
    const response = await upload(app, parts);
    t.equal(response.statusCode, status, response.body);
    t.match(response.json().error, error);
  }
  t.equal((await upload(app, [file('x'.repeat(1024)), purpose()])).statusCode, 200, 'the limit itself fits');
});

t.test('an upload that is no form, or breaks off, is refused', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const post = (contentType: string, payload: string) =>
    app.inject({
      method: 'POST',
      url: '/v1/files',
      headers: { ...bearer(), 'content-type': contentType },
      payload,
    });
  const json = await post('application/json', '{"file": "x"}');
  t.equal(json.statusCode, 415);
  t.match(json.json().error, { code: 'unsupported_media_type', message: /multipart\/form-data/ });
  const broken = await post('multipart/form-data; boundary=x', '--x\r\ncontent-disposition: form-data; name="file"');
  t.equal(broken.statusCode, 400);
  t.equal((await post('multipart/form-data', 'x')).statusCode, 400);
});

t.test('files are listed page by page, and deleted', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const ids: string[] = [];
  for (const name of ['a.md', 'b.md', 'c.md']) ids.push((await upload(app, [file('x', name), purpose()])).json().id);
  const list = async (query: string, key = KEY) =>
    (await app.inject({ url: `/v1/files?${query}`, headers: bearer(key) })).json();
  const idsOf = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id);

  const first = await list('limit=2&order=asc');
  t.same(idsOf(first), ids.slice(0, 2));
  t.match(first, { object: 'list', has_more: true, first_id: ids[0], last_id: ids[1] });
  const second = await list(`limit=2&order=asc&after=${first.last_id}`);
  t.same(idsOf(second), ids.slice(2));
  t.equal(second.has_more, false);
  t.same(idsOf(await list('')), [...ids].reverse());
  t.match(await list('', OTHER_KEY), { data: [], first_id: null, last_id: null });
  for (const query of ['limit=0', 'limit=x', 'order=up', 'colour=red']) {
    t.equal((await app.inject({ url: `/v1/files?${query}`, headers: bearer() })).statusCode, 400, query);
  }

  const gone = await app.inject({ method: 'DELETE', url: `/v1/files/${ids[0]}`, headers: bearer() });
  t.same(gone.json(), { id: ids[0], object: 'file', deleted: true });
  t.equal((await app.inject({ url: `/v1/files/${ids[0]}`, headers: bearer() })).statusCode, 404);
});

t.test("another tenant's file does not exist, by whichever route", async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const { id } = (await upload(app, [file('x'), purpose()])).json();
  for (const [method, url] of [
    ['GET', `/v1/files/${id}`],
    ['GET', `/v1/files/${id}/content`],
    ['DELETE', `/v1/files/${id}`],
  ] as const) {
    const response = await app.inject({ method, url, headers: bearer(OTHER_KEY) });
    t.equal(response.statusCode, 404, `${method} ${url}`);
    t.equal(response.json().error.code, 'not_found');
  }
  t.equal((await app.inject({ url: `/v1/files/${id}`, headers: bearer() })).statusCode, 200);
});

t.test('files are listed by purpose, and up to 10,000 at once', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  for (const use of ['assistants', 'user_data', 'assistants']) await upload(app, [file('x'), purpose(use)]);
  const list = async (query: string) => (await app.inject({ url: `/v1/files${query}`, headers: bearer() })).json();
  t.equal((await list('')).data.length, 3);
  t.equal((await list('?purpose=assistants')).data.length, 2);
  t.equal((await list('?purpose=user_data&limit=10000')).data.length, 1);
  t.same((await list('?purpose=fine-tune')).data, []);
  t.equal((await list('?limit=10001')).error.param, 'limit');
});

t.test('a file name with a NUL in it is refused', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const boundary = 'x';
  const payload = Buffer.from(
    [
      `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nassistants\r\n`,
      `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a\u0000.md"\r\n\r\nx\r\n`,
      `--${boundary}--\r\n`,
    ].join(''),
  );
  const headers = { ...bearer(), 'content-type': `multipart/form-data; boundary=${boundary}` };
  const response = await app.inject({ method: 'POST', url: '/v1/files', headers, payload });
  t.equal(response.statusCode, 400, response.body);
  t.match(response.json().error, { code: 'invalid_value', param: 'file' });
});

t.test('files are purged together, and what is left is told', async (t) => {
  const { app, engine, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  const file = { filename: 'a.md', purpose: 'assistants', content: Buffer.from('x') };
  const { id } = await retrieval.createFile('bank', file);
  const purge = (payload: object) =>
    app.inject({ method: 'POST', url: '/v1/files/purge', headers: bearer(), payload }).then((answer) => answer.json());
  t.match((await purge({ file_ids: [] })).error, { code: 'invalid_value', param: 'file_ids' });
  t.match((await purge({ file_ids: ['file-none'] })).error, { code: 'not_found' });
  t.same(engine.forgotten, []);
  t.same(await purge({ file_ids: [id] }), {
    object: 'file.purge',
    files: 1,
    pieces: 9,
    searched_files: 4,
    searched_bytes: 1000,
    found: [],
  });
  await t.rejects(retrieval.getFile('bank', id), { code: 'not_found' });
  t.same(engine.forgotten, [['bank']], 'what was computed of them is used no more');
});
