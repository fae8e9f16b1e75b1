import OpenAI from 'openai';
import t, { type Test } from 'tap';
import { createTestServer, HR_KEY, KEY, OTHER_KEY } from './fakes.js';

async function open(t: Test) {
  const server = await createTestServer({ keptIn: t.testdir() });
  t.teardown(() => server.app.close());
  const baseURL = `${await server.app.listen({ port: 0 })}/v1`;
  const client = (apiKey = KEY) => new OpenAI({ apiKey, baseURL, maxRetries: 0 });
  return { ...server, client, openai: client() };
}

const messagesOf = ({ prompt }: { prompt: object }) => (prompt as { messages: object[] }).messages;
const notFound = { status: 404, code: 'not_found' };
const user = (content: string) => ({ type: 'message' as const, role: 'user' as const, content });
const REQUEST = { model: 'plain', input: 'What is the fee?' };

async function itemsOf(openai: OpenAI, id: string) {
  const items = [];
  for await (const item of openai.conversations.items.list(id, { order: 'asc', limit: 2 })) items.push(item);
  return items;
}

t.test('openai: a conversation is begun, read, changed and deleted, with its items', async (t) => {
  const { openai } = await open(t);
  const begun = await openai.conversations.create({ items: [user('One.'), user('Two.')], metadata: { topic: 'fees' } });
  t.match(begun, { id: /^conv_[0-9a-f]{32}$/, object: 'conversation', metadata: { topic: 'fees' } });
  t.same(await openai.conversations.retrieve(begun.id), begun);
  const changed = await openai.conversations.update(begun.id, { metadata: { topic: 'rates' } });
  t.same(changed, { ...begun, metadata: { topic: 'rates' } });

  const added = await openai.conversations.items.create(begun.id, { items: [user('Three.')] });
  t.match(added, { object: 'list', data: [{ type: 'message', id: /^msg_/ }], has_more: false });
  const items = await itemsOf(openai, begun.id);
  t.match(
    items,
    ['One.', 'Two.', 'Three.'].map((text) => ({ role: 'user', content: [{ type: 'input_text', text }] })),
    'over two pages',
  );
  const newest = await openai.conversations.items.list(begun.id, { limit: 1 });
  t.match(newest, { data: [{ content: [{ text: 'Three.' }] }], has_more: true });
  const [first] = items;
  const where = { conversation_id: begun.id };
  t.same(await openai.conversations.items.retrieve(first!.id!, where), first);
  t.same(await openai.conversations.items.delete(first!.id!, where), changed);
  t.equal((await itemsOf(openai, begun.id)).length, 2);
  await t.rejects(openai.conversations.items.retrieve(first!.id!, where), notFound);

  t.same(await openai.conversations.delete(begun.id), { id: begun.id, object: 'conversation.deleted', deleted: true });
  await t.rejects(openai.conversations.retrieve(begun.id), notFound);
  await t.rejects(openai.conversations.items.list(begun.id), notFound);
  await t.rejects(openai.responses.create({ ...REQUEST, conversation: begun.id }), notFound);
});

t.test('openai: responses begin with the items of their conversation, and are added to it', async (t) => {
  const { openai, engine } = await open(t);
  const { id } = await openai.conversations.create({ items: [user('I am Ada.')] });
  const first = await openai.responses.create({ ...REQUEST, conversation: id });
  t.same(first.conversation, { id });
  const stream = openai.responses.stream({ ...REQUEST, input: 'And now?', conversation: { id }, store: false });
  t.equal((await stream.finalResponse()).output_text, 'Hello world');
  t.same(messagesOf(engine.requests[1]!), [
    { role: 'user', content: 'I am Ada.' },
    { role: 'user', content: 'What is the fee?' },
    { role: 'assistant', content: 'Hello world' },
    { role: 'user', content: 'And now?' },
  ]);
  t.equal((await itemsOf(openai, id)).length, 5, 'whatever store says');

  await openai.responses.delete(first.id);
  t.equal((await itemsOf(openai, id)).length, 5, 'a response that is deleted stays in it');
  await openai.conversations.delete(id);
  await t.rejects(openai.responses.create({ ...REQUEST, conversation: id }), notFound);
});

t.test('a response of the background is added when it is answered', async (t) => {
  const { openai, engine } = await open(t);
  const { id } = await openai.conversations.create({ items: [user('I am Ada.')] });
  const queued = await openai.responses.create({ ...REQUEST, conversation: id, background: true });
  while ((await openai.responses.retrieve(queued.id)).status !== 'completed') {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.match(messagesOf(engine.requests[0]!), [{ content: 'I am Ada.' }, { content: 'What is the fee?' }]);
  t.match(await itemsOf(openai, id), [{ role: 'user' }, { role: 'user' }, { role: 'assistant' }]);
});

t.test(
  'neither another tenant nor a caller of other groups sees, uses, changes or deletes a conversation',
  async (t) => {
    const { client, openai } = await open(t);
    const { id } = await openai.conversations.create({ items: [user('I am Ada.')] });
    const [item] = await itemsOf(openai, id);
    const where = { conversation_id: id };
    for (const key of [OTHER_KEY, HR_KEY]) {
      const other = client(key);
      await t.rejects(other.conversations.retrieve(id), notFound);
      await t.rejects(other.conversations.update(id, { metadata: { a: 'b' } }), notFound);
      await t.rejects(other.conversations.items.list(id), notFound);
      await t.rejects(other.conversations.items.create(id, { items: [user('x')] }), notFound);
      await t.rejects(other.conversations.items.retrieve(item!.id!, where), notFound);
      await t.rejects(other.conversations.items.delete(item!.id!, where), notFound);
      await t.rejects(other.responses.create({ model: 'base-model', input: 'x', conversation: id }), notFound);
      await t.rejects(other.conversations.delete(id), notFound);
      const own = await other.conversations.create({});
      await t.rejects(other.conversations.items.retrieve(item!.id!, { conversation_id: own.id }), notFound);
    }
    t.same(await itemsOf(openai, id), [item]);
  },
);

t.test('a result whose call is gone is left out of the prompt', async (t) => {
  const { openai, engine } = await open(t);
  const call = { type: 'function_call' as const, call_id: 'call_1', name: 'fees', arguments: '{}' };
  const result = { type: 'function_call_output' as const, call_id: 'call_1', output: '5 EUR' };
  const { id } = await openai.conversations.create({ items: [call, result] });
  await openai.responses.create({ ...REQUEST, conversation: id });
  t.match(messagesOf(engine.requests[0]!), [{ role: 'assistant' }, { role: 'tool' }, { role: 'user' }]);
  const [first] = await itemsOf(openai, id);
  await openai.conversations.items.delete(first!.id!, { conversation_id: id });
  await openai.responses.create({ ...REQUEST, conversation: id });
  t.match(
    messagesOf(engine.requests[1]!).map((message) => (message as { role: string }).role),
    ['user', 'assistant', 'user'],
  );
});

t.test('no conversation is kept for a tenant that keeps no texts', async (t) => {
  const { openai, registry } = await open(t);
  const { id } = await openai.conversations.create({});
  const policy = await registry.getDataPolicy('bank');
  await registry.putDataPolicy('bank', { ...policy, storeResponses: false });
  const forbidden = { status: 403, code: 'texts_not_kept', message: /conversation/ };
  await t.rejects(openai.conversations.create({}), forbidden);
  await t.rejects(openai.conversations.items.create(id, { items: [user('x')] }), forbidden);
  await t.rejects(openai.responses.create({ ...REQUEST, conversation: id }), forbidden);
  await t.rejects(openai.responses.create({ ...REQUEST, conversation: id, store: false }), forbidden);
});

t.test('what no model could read is not taken in', async (t) => {
  const { openai } = await open(t);
  const image = { type: 'message', role: 'user', content: [{ type: 'input_image', image_url: 'x' }] };
  const refused = { status: 400, code: 'unsupported_parameter', param: 'items[0].content[0]' };
  await t.rejects(openai.conversations.create({ items: [image as never] }), refused);
  await t.rejects(openai.conversations.create({ items: new Array(21).fill(user('x')) }), {
    code: 'invalid_value',
    param: 'items',
  });
});
