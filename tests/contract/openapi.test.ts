import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Compile } from 'typebox/compile';
import { openApi } from '../../scripts/openapi.js';
import { bearer, createFakeEngine, createTestServer, passage } from '../http/fakes.js';

const file = fileURLToPath(new URL('../../openapi.yaml', import.meta.url));

t.test('openapi.yaml is what the routes say', async (t) => {
  t.equal(readFileSync(file, 'utf8'), await openApi(), 'stale: npm run generate');
});

t.test('openapi.yaml passes the linter', async (t) => {
  const run = spawnSync('npx', ['--no-install', 'redocly', 'lint', file], {
    encoding: 'utf8',
    env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
  });
  t.equal(run.status, 0, run.stdout + run.stderr);
});

t.test('responses are what their schemas promise', async (t) => {
  const { app, engine, retrieval } = await createTestServer({ engine: createFakeEngine({ supportsInfill: true }) });
  t.teardown(() => app.close());
  await app.ready();
  retrieval.passages.set('bank', [passage('fees', 'The fee is 5 EUR.', 0.9)]);
  engine.answer(['5 EUR [1]']);
  const file = await retrieval.createFile('bank', {
    filename: 'a.md',
    purpose: 'assistants',
    content: Buffer.from('x'),
  });
  const store = await retrieval.createStore('bank', { name: 'x', metadata: {} });
  await retrieval.attachFile('bank', store.id, { fileId: file.id, attributes: { year: 2026 } });

  type Schemas = Record<string, { content?: Record<string, { schema: object }> }>;
  const { paths, components } = app.swagger() as unknown as {
    paths: Record<string, Record<string, { responses: Schemas }>>;
    components: { schemas: Record<string, object> };
  };
  const check = async (
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    url: string,
    payload?: object,
    status = 200,
  ) => {
    const response = await app.inject({ method, url, headers: bearer(), ...(payload && { payload }) });
    t.equal(response.statusCode, status, `${method} ${url} ${response.body}`);
    const { responses } = paths[path]![method.toLowerCase()]!;
    const described = responses[String(status)] ?? responses[`${String(status)[0]}XX`];
    const schema = described!.content!['application/json']!.schema;
    const validator = Compile({ ...components.schemas, Error: components.schemas.Error! }, inlined(schema));
    t.same(validator.Errors(response.json()), [], `${method} ${path} ${status}`);
    return response.json();
  };
  /** The one shared schema, put where it is referred to. */
  const inlined = (schema: object) =>
    '$ref' in schema && schema.$ref === '#/components/schemas/Error' ? components.schemas.Error! : schema;

  const chat = { model: 'assistant', messages: [{ role: 'user', content: 'Fee?' }] };
  const path = '/v1/chat/completions';
  const answer = await check('POST', path, path, chat);
  await check('POST', path, path, { ...chat, logprobs: true, top_logprobs: 1, retrieval: { enabled: false } });
  await check('POST', path, path, {}, 400);
  await check('POST', path, path, { ...chat, model: 'x' }, 404);
  await check('POST', '/v1/completions', '/v1/completions', { model: 'assistant', prompt: 'x', suffix: 'y' });
  await check('POST', '/v1/completions', '/v1/completions', { model: 'assistant', prompt: 'x', logprobs: 1 });
  await check('POST', '/v1/embeddings', '/v1/embeddings', { model: 'embedder', input: 'x' });
  await check('POST', '/v1/embeddings', '/v1/embeddings', { model: 'embedder', input: 'x', encoding_format: 'base64' });
  await check('GET', '/v1/models', '/v1/models');
  await check('GET', '/v1/models/{model}', '/v1/models/assistant');
  await check('POST', '/v1/feedback', '/v1/feedback', { answer_id: answer.id, rating: 'up' });
  await check('GET', '/v1/files', '/v1/files');
  await check('GET', '/v1/files/{file_id}', `/v1/files/${file.id}`);
  await check('GET', '/v1/vector_stores', '/v1/vector_stores');
  const storePath = '/v1/vector_stores/{vector_store_id}';
  const storeUrl = `/v1/vector_stores/${store.id}`;
  await check('GET', storePath, storeUrl);
  await check('POST', storePath, storeUrl, { name: 'y' });
  t.ok((await check('POST', storePath, storeUrl, { embedder: 'other' })).reembedding);
  await check('GET', storePath, storeUrl);
  await check('GET', `${storePath}/files`, `${storeUrl}/files`);
  const batch = await check('POST', `${storePath}/file_batches`, `${storeUrl}/file_batches`, { file_ids: [file.id] });
  await check('GET', `${storePath}/file_batches/{batch_id}`, `${storeUrl}/file_batches/${batch.id}`);
  await check('GET', `${storePath}/file_batches/{batch_id}/files`, `${storeUrl}/file_batches/${batch.id}/files`);
  await check('POST', `${storePath}/file_batches/{batch_id}/cancel`, `${storeUrl}/file_batches/${batch.id}/cancel`);
  await check('GET', `${storePath}/files/{file_id}`, `${storeUrl}/files/${file.id}`);
  await check('POST', `${storePath}/search`, `${storeUrl}/search`, { query: 'fee' });
  await check('DELETE', `${storePath}/files/{file_id}`, `${storeUrl}/files/${file.id}`);
  await check('DELETE', storePath, storeUrl);
  await check('DELETE', '/v1/files/{file_id}', `/v1/files/${file.id}`);
  await check('GET', '/livez', '/livez');
  await check('GET', '/readyz', '/readyz');
});
