import t from 'tap';
import { bearer, createTestServer } from './fakes.js';

const embed = (body: object) => ({
  method: 'POST' as const,
  url: '/v1/embeddings',
  headers: bearer(),
  payload: { model: 'embedder', ...body },
});

t.test('one text or several get an embedding each, in order', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  t.same((await app.inject(embed({ input: 'four' }))).json(), {
    object: 'list',
    model: 'embedder',
    data: [{ object: 'embedding', index: 0, embedding: [4, 0.5, -1] }],
    usage: { prompt_tokens: 4, total_tokens: 4 },
  });
  const { data, usage } = (await app.inject(embed({ input: ['a', 'bb'] }))).json();
  t.match(data, [
    { index: 0, embedding: [1, 0.5, -1] },
    { index: 1, embedding: [2, 0.5, -1] },
  ]);
  t.equal(usage.prompt_tokens, 3);
});

t.test('a long answer is the same in pieces, between which others have their turn', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const input = Array.from({ length: 1000 }, (_, n) => 'x'.repeat(1 + (n % 7)));
  for (const encoding_format of ['float', 'base64']) {
    let others = 0;
    const counting = setInterval(() => others++, 1);
    const answer = await app.inject(embed({ input, encoding_format }));
    clearInterval(counting);
    t.ok(others >= 5, `${others} turns of others`);
    t.match(answer.headers['content-type'], /^application\/json/);
    const expected = await Promise.all(
      ['x', 'xx', 'xxx', 'xxxx', 'xxxxx', 'xxxxxx', 'xxxxxxx'].map(async (text) => {
        const { data } = (await app.inject(embed({ input: text, encoding_format }))).json();
        return data[0].embedding;
      }),
    );
    t.same(answer.json(), {
      object: 'list',
      model: 'embedder',
      data: input.map((_, index) => ({ object: 'embedding', index, embedding: expected[index % 7] })),
      usage: { prompt_tokens: input.join('').length, total_tokens: input.join('').length },
    });
  }
});

t.test('token ids of one text or of several stand for their texts', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  t.match((await app.inject(embed({ input: [5, 6, 7] }))).json().data, [{ index: 0, embedding: [3, 0.5, -1] }]);
  const { data } = (await app.inject(embed({ input: [[5, 6], [7]] }))).json();
  t.match(data, [{ embedding: [2, 0.5, -1] }, { embedding: [1, 0.5, -1] }]);
});

t.test('base64 holds the same numbers as little-endian floats', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const { data } = (await app.inject(embed({ input: 'four', encoding_format: 'base64' }))).json();
  const bytes = Buffer.from(data[0].embedding, 'base64');
  t.same(
    [0, 4, 8].map((offset) => bytes.readFloatLE(offset)),
    [4, 0.5, -1],
  );
});

t.test('what cannot be embedded is refused by name', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const cases: [object, number, object][] = [
    [{ model: 'assistant', input: 'x' }, 404, { code: 'model_not_found' }],
    [{ input: 'x', dimensions: 2 }, 400, { code: 'unsupported_parameter', param: 'dimensions' }],
    [{ input: '' }, 400, { code: 'invalid_value', param: 'input' }],
    [{ input: [] }, 400, { code: 'invalid_value', param: 'input' }],
    [{ input: [1, -2, 3] }, 400, { code: 'invalid_value', param: 'input[1]' }],
    [{ input: [[1], []] }, 400, { code: 'invalid_value', param: 'input[1]' }],
    [{ input: [[1], 'a'] }, 400, { code: 'invalid_value' }],
    [{ input: ['a', ''] }, 400, { code: 'invalid_value', param: 'input[1]' }],
    [{ input: 'x', encoding_format: 'hex' }, 400, { code: 'invalid_value', param: 'encoding_format' }],
    [{}, 400, { code: 'invalid_value', param: 'input' }],
  ];
  for (const [body, status, error] of cases) {
    const response = await app.inject(embed(body));
    t.equal(response.statusCode, status, JSON.stringify(body));
    t.match(response.json().error, error, JSON.stringify(body));
  }
  t.equal((await app.inject(embed({ input: 'x', dimensions: 3 }))).statusCode, 200, 'its own number is no wish');
});
