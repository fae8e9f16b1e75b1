import t, { type Test } from 'tap';
import { BASE, bearer, createTestServer, OTHER_KEY } from './fakes.js';

async function open(t: Test) {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  return async (path: string, payload: object, key?: string) => {
    const response = await app.inject({ method: 'POST', url: `/v1/${path}`, headers: bearer(key), payload });
    return { status: response.statusCode, body: response.json() };
  };
}

t.test('a text is tokenized with and without special tokens, spelled on request, and put together again', async (t) => {
  const ask = await open(t);
  t.same((await ask('tokenize', { prompt: 'abc' })).body, {
    count: 1,
    max_model_len: 512,
    tokens: [0],
    token_strs: null,
  });
  const bare = await ask('tokenize', {
    model: BASE,
    prompt: 'abc',
    add_special_tokens: false,
    return_token_strs: true,
  });
  t.match(bare.body, { count: 3, tokens: [97, 98, 99], token_strs: ['<97>', '<98>', '<99>'] });
  t.same((await ask('detokenize', { tokens: bare.body.tokens })).body, { prompt: 'abc' });
});

t.test("a chat is counted with the deployment's instructions, of the caller's own tenant alone", async (t) => {
  const ask = await open(t);
  const messages = [{ role: 'user', content: 'What is the fee?' }];
  const base = await ask('tokenize', { messages });
  const deployment = await ask('tokenize', { model: 'assistant', messages });
  t.equal(base.body.count, 4 + 8);
  t.equal(deployment.body.count, 4 + 8 + 3 + 8, 'and the system message `You help.`');
  for (const [path, body] of [
    ['tokenize', { messages }],
    ['tokenize', { prompt: 'x' }],
    ['detokenize', { tokens: [97] }],
  ] as const) {
    t.match(await ask(path, { model: 'assistant', ...body }, OTHER_KEY), {
      status: 404,
      body: { error: { code: 'model_not_found' } },
    });
  }
});

t.test('what cannot be tokenized is refused by name', async (t) => {
  const ask = await open(t);
  const messages = [{ role: 'user', content: 'x' }];
  const cases: [object, object][] = [
    [{}, { param: 'prompt' }],
    [{ prompt: 'x', messages }, { param: 'prompt' }],
    [{ messages, add_special_tokens: true }, { param: 'add_special_tokens' }],
    [{ messages, add_generation_prompt: false }, { param: 'add_generation_prompt' }],
    [{ messages, chat_template: '{{ 1 }}' }, { param: 'chat_template' }],
  ];
  for (const [body, error] of cases) {
    t.match(await ask('tokenize', body), { status: 400, body: { error } }, JSON.stringify(body));
  }
  t.match(await ask('detokenize', { tokens: [-1] }), { status: 400, body: { error: { param: 'tokens[0]' } } });
});
