import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import {
  createSseReader,
  createStopwatch,
  decodeTogetherTps,
  decodeTps,
  prefillTps,
  quantile,
  runStreams,
  throughputTps,
  timeToFirstTokenMs,
} from '../../../bench/load.js';

const timing = (sentMs: number, chunksMs: readonly number[], completionTokens: number) => ({
  sentMs,
  chunksMs,
  promptTokens: 100,
  completionTokens,
});
const token = (text: string, finish: string | null = null) =>
  JSON.stringify({ choices: [{ text, finish_reason: finish }], usage: null });
const usage = (prompt: number, completion: number) =>
  JSON.stringify({ choices: [], usage: { prompt_tokens: prompt, completion_tokens: completion } });

t.test('events are read wherever the network cuts the stream', (t) => {
  const stream = ': ping\n\ndata: {"a":1}\n\ndata:{"b":2}\r\n\r\nid: 7\ndata: one\ndata: two\n\ndata: [DONE]\n\n';
  const whole = ['{"a":1}', '{"b":2}', 'one\ntwo', '[DONE]'];
  for (let cut = 0; cut <= stream.length; cut++) {
    const read = createSseReader();
    t.strictSame([...read(stream.slice(0, cut)), ...read(stream.slice(cut))], whole, `cut at ${cut}`);
  }
  t.end();
});

t.test('an event without its empty line is not complete', (t) => {
  const read = createSseReader();
  t.strictSame(read('data: half\n'), []);
  t.strictSame(read('\n'), ['half']);
  t.end();
});

t.test('a stream is timed by the chunks that carry text, and counted by its usage', (t) => {
  const watch = createStopwatch(1000);
  watch.data(token(''), 1010);
  watch.data(token('Hello'), 1050);
  watch.data(token(' world'), 1090);
  watch.data(token('', 'length'), 1200);
  watch.data(usage(7, 3), 1201);
  watch.data('[DONE]', 1202);
  t.strictSame(watch.timing(), {
    sentMs: 1000,
    chunksMs: [1050, 1090],
    promptTokens: 7,
    completionTokens: 3,
  });
  t.end();
});

t.test('an only token without text is there when the answer ends', (t) => {
  const watch = createStopwatch(0);
  watch.data(token('', 'length'), 40);
  watch.data(usage(7, 1), 41);
  t.equal(timeToFirstTokenMs(watch.timing()), 40);
  t.end();
});

t.test('a stream that fails, or says too little, is no measurement', (t) => {
  t.throws(() => createStopwatch(0).data('{"error":{"message":"out of slots"}}', 1), /out of slots/);
  const silent = createStopwatch(0);
  silent.data(usage(7, 0), 5);
  t.throws(() => silent.timing(), /without a token/);
  const uncounted = createStopwatch(0);
  uncounted.data(token('Hello'), 5);
  t.throws(() => uncounted.timing(), /without its usage/);
  t.end();
});

t.test('one stream is timed from its first token on', (t) => {
  t.equal(decodeTps(timing(0, [500, 1500], 101)), 100);
  t.equal(prefillTps(timing(0, [500], 1)), 200);
  t.end();
});

t.test('streams together are timed from the first request to the last token, queues included', (t) => {
  t.equal(throughputTps([timing(0, [100, 1000], 50), timing(10, [1100, 2000], 50)]), 50);
  t.end();
});

t.test('streams that decode together are counted while all of them do, a chunk by its share of the tokens', (t) => {
  const early = timing(0, [0, 100, 200, 300, 400], 5);
  const late = timing(0, [200, 300, 400, 500, 600], 10);
  // From 200 to 400: two chunks of one token, two of two.
  t.equal(decodeTogetherTps([early, late]), 30);
  t.throws(() => decodeTogetherTps([timing(0, [0, 100], 2), timing(0, [100, 200], 2)]), /never all answered at once/);
  t.end();
});

t.test('a quantile lies between its neighbours in rank', (t) => {
  t.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  t.equal(quantile([5], 0.95), 5);
  t.equal(quantile([0, 10], 0.95), 9.5);
  t.end();
});

t.test('all calls are sent at once, and each answer is timed as it comes', async (t) => {
  const waiting: ServerResponse[] = [];
  const url = await listen(t, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    t.match(JSON.parse(Buffer.concat(chunks).toString()), { stream: true });
    waiting.push(response);
    // Nobody is answered before everybody has asked.
    if (waiting.length === 3) for (const one of waiting) one.end(`data: ${token('a')}\n\ndata: ${usage(5, 1)}\n\n`);
  });
  const timings = await runStreams(Array.from({ length: 3 }, () => ({ url, headers: {}, body: { stream: true } })));
  t.match(timings, [{ promptTokens: 5 }, { promptTokens: 5 }, { promptTokens: 5 }]);
  t.ok(timings.every(({ sentMs, chunksMs }) => chunksMs[0]! > sentMs));
});

t.test('a refusal says what the server said', async (t) => {
  const url = await listen(t, (_, response) => response.writeHead(429).end('too many'));
  await t.rejects(runStreams([{ url, headers: {}, body: {} }]), { message: /answered 429: too many/ });
});

async function listen(t: Test, handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  t.teardown(() => new Promise((resolve) => server.close(resolve)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/completions`;
}
