import t from 'tap';
import { bearer, createTestServer, OTHER_KEY, passage, readEvents } from './fakes.js';

const chat = (payload: object = {}) => ({
  method: 'POST' as const,
  url: '/v1/chat/completions',
  headers: bearer(),
  payload: { model: 'assistant', messages: [{ role: 'user', content: 'What is the fee of the card?' }], ...payload },
});

t.test('a receipt tells which version answered, from what, and what the answer was worth', async (t) => {
  const { app, engine, retrieval, quality } = await createTestServer();
  t.teardown(() => app.close());
  retrieval.passages.set('bank', [passage('fees', 'The fee of the card is 5 EUR.', 0.9)]);
  engine.answer(['The fee of the card is 5 EUR [1].']);
  const { id } = (await app.inject(chat())).json();
  const look = (key?: string, of = id) =>
    app.inject({ method: 'GET', url: `/v1/receipts/${of}`, headers: bearer(key) });
  t.equal((await look()).json().signals, null, 'not judged yet');
  await quality.settled();
  const { signals, ...receipt } = (await look()).json();
  t.match(receipt, {
    object: 'receipt',
    id,
    deployment: 'assistant',
    deployment_revision: 1,
    adapter: 'support@1',
    adapter_digest: '1'.repeat(64),
    base_digest: 'b'.repeat(64),
    prompt_digest: /^[0-9a-f]{64}$/,
    arm: 'stable',
    assigned_by: 'weight',
    store_snapshot: 'snapshot-1',
    passages: [{ id: 'fees', score: 0.9, file_id: 'file-fees', byte_start: 0, byte_end: 29 }],
    outcome: 'completed',
    finish_reason: 'stop',
    usage: { prompt_tokens: 7, cached_tokens: 3, completion_tokens: 1 },
    timings_ms: { queue: 1, prefill: 2, decode: 3, total: Number },
  });
  t.match(signals, { citation_validity: 1, citation_coverage: 1, numbers_grounded: 1, refused: false, top_score: 0.9 });
  t.ok(signals.groundedness > 0.9);
  t.notMatch(JSON.stringify([receipt, signals]), /fee of the card/, 'it holds no text');
  t.equal((await look(OTHER_KEY)).statusCode, 404);
  t.equal((await look(undefined, 'chatcmpl-none')).statusCode, 404);
});

t.test('who asks for it gets the receipt with the answer, streamed or not, with the same id', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const whole = (await app.inject(chat({ include_receipt: true }))).json();
  t.match(whole.receipt, { object: 'receipt', id: whole.id, adapter: 'support@1', signals: null });
  t.equal((await app.inject(chat())).json().receipt, undefined);

  type Chunk = { id: string; receipt?: { id: string } };
  const streamed = async (payload: object) => {
    const response = await app.inject(chat({ stream: true, include_receipt: true, ...payload }));
    return readEvents(response.body).slice(0, -1) as Chunk[];
  };
  for (const options of [{}, { stream_options: { include_usage: true } }]) {
    const chunks = await streamed(options);
    t.equal(chunks.at(-1)!.receipt!.id, chunks[0]!.id);
    t.same(chunks.filter(({ receipt }) => receipt !== undefined).length, 1, 'in the last chunk');
  }
  const completion = await app.inject({
    ...chat(),
    url: '/v1/completions',
    payload: { model: 'assistant', prompt: 'The fee', include_receipt: true },
  });
  t.equal(completion.json().receipt.id, completion.json().id);
});
