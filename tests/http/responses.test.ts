import OpenAI from 'openai';
import t, { type Test } from 'tap';
import { bearer, createTestServer, HR_KEY, KEY, OTHER_KEY, passage } from './fakes.js';

const REQUEST = { model: 'plain', input: 'What is the fee?' };

async function open(t: Test) {
  const server = await createTestServer({ keptIn: t.testdir() });
  t.teardown(() => server.app.close());
  const baseURL = `${await server.app.listen({ port: 0 })}/v1`;
  const client = (apiKey = KEY) => new OpenAI({ apiKey, baseURL, maxRetries: 0 });
  const post = async (payload: object, key?: string) =>
    server.app.inject({ method: 'POST', url: '/v1/responses', headers: bearer(key), payload });
  return { ...server, client, post };
}

const messagesOf = ({ prompt }: { prompt: object }) => (prompt as { messages: object[] }).messages;
const notFound = { status: 404, code: 'not_found' };
const nothingBefore = { status: 404, code: 'previous_response_not_found', param: 'previous_response_id' };

t.test('openai: a response in one piece, with its parameters, can be read again and deleted', async (t) => {
  const { client, registry } = await open(t);
  const openai = client();
  const response = await openai.responses.create({ ...REQUEST, metadata: { topic: 'fees' }, temperature: 0.5 });
  t.equal(response.output_text, 'Hello world');
  t.match(response, {
    id: /^resp_[0-9a-f]{32}$/,
    object: 'response',
    status: 'completed',
    model: 'plain',
    store: true,
    temperature: 0.5,
    metadata: { topic: 'fees' },
    previous_response_id: null,
    error: null,
    usage: { input_tokens: 7, output_tokens: 2, total_tokens: 9, input_tokens_details: { cached_tokens: 3 } },
  });
  t.match(registry.answers, [{ id: response.id }], 'receipts and feedback know it by its id');
  t.same({ ...(await openai.responses.retrieve(response.id)), output_text: '' }, { ...response, output_text: '' });
  const items = await openai.responses.inputItems.list(response.id);
  t.match(items.data, [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'What is the fee?' }] }]);
  await openai.responses.delete(response.id);
  await t.rejects(openai.responses.retrieve(response.id), notFound);
});

t.test('openai: the streamed response is the same, and is kept', async (t) => {
  const { client } = await open(t);
  const openai = client();
  const stream = openai.responses.stream(REQUEST);
  let text = '';
  stream.on('response.output_text.delta', ({ delta }) => {
    text += delta;
  });
  const final = await stream.finalResponse();
  t.equal(text, 'Hello world');
  t.equal(final.output_text, text);
  t.equal(final.status, 'completed');
  t.equal((await openai.responses.retrieve(final.id)).status, 'completed');
});

t.test('a response goes on from another, with all that came before it, but not with its instructions', async (t) => {
  const { client, engine } = await open(t);
  const openai = client();
  const first = await openai.responses.create({ ...REQUEST, instructions: 'Be brief.' });
  const second = await openai.responses.create({
    model: 'plain',
    previous_response_id: first.id,
    input: [
      { type: 'function_call', call_id: 'call_1', name: 'fees', arguments: '{}' },
      { type: 'function_call_output', call_id: 'call_1', output: '5 EUR' },
      { role: 'user', content: [{ type: 'input_text', text: 'And now?' }] },
    ],
  });
  await openai.responses.create({ model: 'plain', previous_response_id: second.id, input: 'Thanks.' });
  t.match(messagesOf(engine.requests[0]!), [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'What is the fee?' },
  ]);
  t.same(messagesOf(engine.requests[2]!), [
    { role: 'user', content: 'What is the fee?' },
    { role: 'assistant', content: 'Hello world' },
    { role: 'assistant', content: '', toolCalls: [{ id: 'call_1', name: 'fees', arguments: '{}' }] },
    { role: 'tool', toolCallId: 'call_1', content: '5 EUR' },
    { role: 'user', content: 'And now?' },
    { role: 'assistant', content: 'Hello world' },
    { role: 'user', content: 'Thanks.' },
  ]);
  await openai.responses.delete(first.id);
  await t.rejects(
    openai.responses.create({ model: 'plain', previous_response_id: second.id, input: 'And?' }),
    nothingBefore,
    'what is deleted is gone for those that went on from it too',
  );
});

t.test('neither another tenant nor a caller of other groups sees, uses, cancels or deletes a response', async (t) => {
  const { client } = await open(t);
  const { id } = await client().responses.create({ ...REQUEST, background: true });
  for (const key of [OTHER_KEY, HR_KEY]) {
    const { responses } = client(key);
    await t.rejects(responses.retrieve(id), notFound);
    await t.rejects(responses.inputItems.list(id), notFound);
    await t.rejects(responses.cancel(id), notFound);
    await t.rejects(responses.delete(id), notFound);
    await t.rejects(responses.create({ model: 'base-model', previous_response_id: id, input: 'x' }), nothingBefore);
  }
  t.equal((await client().responses.retrieve(id)).id, id);
});

t.test('nothing is kept where store is false, or where the tenant keeps no texts', async (t) => {
  const { client, registry } = await open(t);
  const openai = client();
  const loose = await openai.responses.create({ ...REQUEST, store: false });
  await t.rejects(openai.responses.retrieve(loose.id), notFound);
  const policy = await registry.getDataPolicy('bank');
  await registry.putDataPolicy('bank', { ...policy, storeResponses: false });
  const unsaid = await openai.responses.create(REQUEST);
  t.equal((unsaid as unknown as { store: boolean }).store, false);
  await t.rejects(openai.responses.retrieve(unsaid.id), notFound);
  const forbidden = { status: 403, code: 'texts_not_kept' };
  await t.rejects(openai.responses.create({ ...REQUEST, store: true }), { ...forbidden, message: /store/ });
  await t.rejects(openai.responses.create({ ...REQUEST, background: true }), { ...forbidden, message: /background/ });
});

t.test('a search is an item of the output, and what the text names is cited', async (t) => {
  const { client, engine, retrieval } = await open(t);
  retrieval.passages.set('bank', [passage('fees', 'The fee is 5 EUR.', 0.9)]);
  engine.answer(['It is 5 EUR', ' [1].']);
  const response = await client().responses.create({
    ...REQUEST,
    tools: [{ type: 'file_search', vector_store_ids: ['vs_1'], max_num_results: 4 }],
    include: ['file_search_call.results'],
  });
  t.match(retrieval.searches[0], { storeIds: ['vs_1'], topK: 4 });
  t.match(response.output, [
    { type: 'file_search_call', status: 'completed', results: [{ filename: 'fees.md', text: 'The fee is 5 EUR.' }] },
    { type: 'message', content: [{ annotations: [{ type: 'file_citation', index: 12, file_id: 'file-fees' }] }] },
  ]);
});

t.test('a response is answered in the background, or called off', async (t) => {
  const { client, engine } = await open(t);
  const openai = client();
  const queued = await openai.responses.create({ ...REQUEST, background: true });
  t.equal(queued.status, 'queued');
  const until = async (id: string, status: string) => {
    for (;;) {
      const response = await openai.responses.retrieve(id);
      if (response.status === status) return response;
      t.match(response.status, /^(queued|in_progress)$/);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  t.equal((await until(queued.id, 'completed')).output_text, 'Hello world');
  t.match(engine.requests[0], { priority: 'batch', tenant: 'bank' });

  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  engine.answer([{ wait: held }, 'late']);
  const { id } = await openai.responses.create({ ...REQUEST, background: true });
  await until(id, 'in_progress');
  t.equal((await openai.responses.cancel(id)).status, 'cancelled');
  release();
  t.equal((await openai.responses.cancel(id)).status, 'cancelled', 'one that is over stays as it is');
  const plain = await openai.responses.create(REQUEST);
  await t.rejects(openai.responses.cancel(plain.id), { status: 400, code: 'invalid_value' });
  t.equal((await openai.responses.retrieve(id)).status, 'cancelled');
});

t.test('openai: a conversation is compacted into an item that only its tenant and its groups go on from', async (t) => {
  const { client, engine, retrieval, registry } = await open(t);
  const openai = client();
  const first = await openai.responses.create({ ...REQUEST, model: 'assistant' });
  engine.answer(['The fee is ', '5 EUR.']);
  const searches = retrieval.searches.length;
  const compacted = await openai.responses.compact({
    model: 'assistant' as 'gpt-5',
    previous_response_id: first.id,
    input: [{ role: 'user', content: 'Remember slate.' }],
  });
  t.match(compacted, {
    object: 'response.compaction',
    output: [{ type: 'compaction', id: /^cmp_/, encrypted_content: /^[\w-]+$/ }],
    usage: { input_tokens: 7, output_tokens: 2, total_tokens: 9 },
  });
  t.equal(retrieval.searches.length, searches, 'a summary is searched nothing for');
  const asked = messagesOf(engine.requests.at(-1)!);
  t.match(asked.slice(-4), [
    { role: 'user', content: 'What is the fee?' },
    { role: 'assistant', content: 'Hello world' },
    { role: 'user', content: 'Remember slate.' },
    { role: 'user', content: /^Summarise/ },
  ]);
  t.match(registry.answers.at(-1), { id: compacted.id, outcome: 'completed', completionTokens: 2 });

  const [item] = compacted.output as unknown as [{ type: 'compaction'; encrypted_content: string }];
  t.notMatch(Buffer.from(item.encrypted_content, 'base64url').toString('latin1'), 'fee');
  const input = [item, { role: 'user' as const, content: 'Go on.' }];
  const { id } = await openai.responses.create({ model: 'plain', input });
  t.same(messagesOf(engine.requests.at(-1)!), [
    { role: 'user', content: 'Summary of our conversation so far:\nThe fee is 5 EUR.' },
    { role: 'user', content: 'Go on.' },
  ]);
  await openai.responses.create({ model: 'plain', previous_response_id: id, input: 'And?' });
  t.match(messagesOf(engine.requests.at(-1)!), [{ content: /5 EUR/ }], 'what is kept is read like that too');

  const refused = { status: 400, code: 'invalid_value', param: 'input[0].encrypted_content' };
  for (const key of [OTHER_KEY, HR_KEY]) {
    await t.rejects(client(key).responses.create({ model: 'base-model', input }), refused);
  }
  const broken = { ...item, encrypted_content: `${item.encrypted_content.slice(0, -4)}AAAA` };
  await t.rejects(openai.responses.create({ ...REQUEST, input: [broken] }), refused);
  await t.rejects(openai.responses.create({ ...REQUEST, input: [{ ...item, encrypted_content: 'x' }] }), refused);
});

t.test('items of a response that is kept can be referred to, by its tenant and groups alone', async (t) => {
  const { client, engine } = await open(t);
  const openai = client();
  const first = await openai.responses.create(REQUEST);
  const reference = { type: 'item_reference' as const, id: first.output[0]!.id! };
  const input = [{ role: 'user' as const, content: 'Hi.' }, reference, { role: 'user' as const, content: 'And?' }];
  const { id } = await openai.responses.create({ model: 'plain', input });
  t.match(messagesOf(engine.requests.at(-1)!), [
    { role: 'user', content: 'Hi.' },
    { role: 'assistant', content: 'Hello world' },
    { role: 'user', content: 'And?' },
  ]);
  const kept = await openai.responses.inputItems.list(id, { order: 'asc' });
  t.match(kept.data[1], { type: 'message', role: 'assistant', id: reference.id });
  const missing = { ...notFound, param: 'input[1]' };
  for (const key of [OTHER_KEY, HR_KEY]) {
    await t.rejects(client(key).responses.create({ model: 'base-model', input }), missing);
  }
  await openai.responses.delete(first.id);
  await t.rejects(openai.responses.create({ model: 'plain', input }), missing);
  await t.rejects(openai.responses.create({ ...REQUEST, input: [{ ...reference, id: 'x' }] }), notFound);
});

t.test('what cannot be compacted is refused by name', async (t) => {
  const { app } = await open(t);
  const compact = async (payload: object) => {
    const response = await app.inject({ method: 'POST', url: '/v1/responses/compact', headers: bearer(), payload });
    return [response.statusCode, response.json().error];
  };
  t.match(await compact({ input: 'x' }), [400, { param: 'model' }]);
  t.match(await compact({ model: 'plain' }), [400, { param: 'input' }]);
  t.match(await compact({ model: 'plain', input: 'x', stream: true }), [400, { param: 'stream' }]);
  t.match(await compact({ model: 'plain', previous_response_id: 'resp_1' }), [404, { code: nothingBefore.code }]);
});

t.test('what cannot be done is refused by name', async (t) => {
  const { post } = await open(t);
  const image = { role: 'user', content: [{ type: 'input_image', image_url: 'https://example.com/a.png' }] };
  const cases: [object, string][] = [
    [{ input: undefined }, 'input'],
    [{ input: [image] }, 'input[0].content[0]'],
    [{ input: [{ role: 'robot', content: 'x' }] }, 'input[0].role'],
    [{ input: [{ type: 'function_call_output', output: 'x' }] }, 'input[0].call_id'],
    [{ conversation: 'conv_1', previous_response_id: 'resp_1' }, 'conversation'],
    [{ truncation: 'auto' }, 'truncation'],
    [{ background: true, stream: true }, 'stream'],
    [{ background: true, store: false }, 'store'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ tool_choice: { type: 'function', name: 'fees' } }, 'tool_choice'],
    [{ tools: [{ type: 'file_search' }, { type: 'file_search' }] }, 'tools'],
    [{ tools: [{ type: 'web_search' }] }, 'tools[0].type'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].name'],
    [{ temperature: 3 }, 'temperature'],
    [{ foo: 1 }, 'foo'],
  ];
  for (const [change, param] of cases) {
    const response = await post({ ...REQUEST, ...change });
    t.equal(response.statusCode, 400, response.body);
    t.equal(response.json().error.param, param, response.body);
  }
  t.equal((await post({ ...REQUEST, background: true, model: 'nothing' })).statusCode, 404);
});
