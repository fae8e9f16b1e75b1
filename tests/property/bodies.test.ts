import fc from 'fast-check';
import t from 'tap';
import { bearer, createTestServer } from '../http/fakes.js';

/** Each route with a body that it accepts, to be spoilt. */
const ROUTES: [string, object][] = [
  ['/v1/chat/completions', { model: 'assistant', messages: [{ role: 'user', content: 'Hi' }] }],
  ['/v1/completions', { model: 'assistant', prompt: 'Hi' }],
  ['/v1/embeddings', { model: 'embedder', input: 'Hi' }],
  ['/v1/feedback', { answer_id: 'x', rating: 'up' }],
  ['/v1/vector_stores', {}],
  ['/v1/vector_stores/vs_1', {}],
  ['/v1/vector_stores/vs_1/files', { file_id: 'x' }],
  ['/v1/vector_stores/vs_1/search', { query: 'Hi' }],
  ['/v1/files', {}],
];

/** Names that the routes know, so that the fuzz gets behind the first check. */
const name = fc.constantFrom(
  ...['model', 'messages', 'prompt', 'suffix', 'stream', 'stop', 'n', 'temperature', 'top_p', 'seed', 'logit_bias'],
  ...['logprobs', 'top_logprobs', 'tools', 'tool_choice', 'response_format', 'retrieval', 'metadata', 'user'],
  ...['stream_options', 'input', 'encoding_format', 'dimensions', 'query', 'name', 'file_ids', 'file_id', 'attributes'],
  ...['chunking_strategy', 'modalities', 'answer_id', 'rating', 'max_tokens', '__proto__', 'constructor', 'toString'],
);
const plausible = fc.oneof(
  fc.constantFrom('assistant', 'assistant@2', 'base-model', 'embedder', 'base64', 'auto', 'up'),
  fc.constantFrom(
    { type: 'file_search' },
    [{ type: 'file_search' }],
    { type: 'text' },
    ['text'],
    [1, 2],
    [[1]],
    1,
    true,
  ),
  fc.array(
    fc.record({
      role: fc.constantFrom('user', 'assistant', 'system', 'tool'),
      content: fc.oneof(fc.string(), fc.jsonValue()),
    }),
  ),
  fc.jsonValue({ maxDepth: 3 }),
);
const request = fc
  .tuple(fc.constantFrom(...ROUTES), fc.dictionary(name, plausible, { maxKeys: 3 }))
  .chain(([[url, valid], spoilt]) => {
    const text = JSON.stringify({ ...valid, ...spoilt });
    const bodies = [fc.constant(text), fc.constant(text.slice(0, -3)), fc.json(), fc.string({ unit: 'binary' })];
    return fc.record({ url: fc.constant(url), payload: fc.oneof({ arbitrary: bodies[0]!, weight: 7 }, ...bodies) });
  });

t.test('no body makes the server fail, and every refusal has the envelope', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  await fc.assert(
    fc.asyncProperty(request, async ({ url, payload }) => {
      const headers = { ...bearer(), 'content-type': 'application/json' };
      const response = await app.inject({ method: 'POST', url, headers, payload });
      if (response.statusCode >= 500) throw new Error(`${url} ${payload}: ${response.body}`);
      if (response.statusCode >= 400) {
        const { error } = response.json();
        if (typeof error.code !== 'string' || /\{\w+}/.test(error.message)) throw new Error(response.body);
      }
    }),
    { numRuns: 1500 },
  );
  t.ok(engine.requests.length > 10, `the fuzz got through to the engine ${engine.requests.length} times`);
  t.equal(engine.active(), 0, 'no request was left behind');
});
