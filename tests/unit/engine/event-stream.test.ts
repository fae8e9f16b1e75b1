import t from 'tap';
import type { TokenEvent } from '../../../src/contracts/generator.js';
import { EventStream } from '../../../src/engine/event-stream.js';

const delta = (text: string): TokenEvent => ({ type: 'delta', text, tokenCount: 1, logprobs: [] });
const finished: TokenEvent = {
  type: 'finished',
  reason: 'stop',
  promptTokens: 3,
  completionTokens: 2,
  timings: { queueMs: 0, prefillMs: 0, decodeMs: 0, firstTokenMs: null, adapterLoadMs: 0 },
};

async function collect(stream: EventStream): Promise<TokenEvent[]> {
  const events: TokenEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

t.test('a reader that keeps up gets every event as it comes, and the end', async (t) => {
  const stream = new EventStream();
  const reader = collect(stream);
  for (const event of [
    { type: 'started', promptTokens: 3, cachedTokens: 0 } as const,
    delta('a'),
    delta('b'),
    finished,
  ]) {
    stream.push(event);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.same(await reader, [{ type: 'started', promptTokens: 3, cachedTokens: 0 }, delta('a'), delta('b'), finished]);
});

t.test('a reader that falls behind gets what it missed as one delta', async (t) => {
  const stream = new EventStream();
  stream.push({ type: 'started', promptTokens: 3, cachedTokens: 0 });
  for (const text of ['a', 'b', 'c']) stream.push(delta(text));
  stream.push(finished);
  t.same(await collect(stream), [
    { type: 'started', promptTokens: 3, cachedTokens: 0 },
    { type: 'delta', text: 'abc', tokenCount: 3, logprobs: [] },
    finished,
  ]);
});

t.test('an error comes after the events before it', async (t) => {
  const stream = new EventStream();
  stream.push(delta('a'));
  stream.fail(new Error('gone'));
  const seen: TokenEvent[] = [];
  await t.rejects(async () => {
    for await (const event of stream) seen.push(event);
  }, new Error('gone'));
  t.same(seen, [delta('a')]);
});

t.test('an error reaches a reader that waits', async (t) => {
  const stream = new EventStream();
  const reader = collect(stream);
  await new Promise((resolve) => setImmediate(resolve));
  stream.fail(new Error('gone'));
  await t.rejects(reader, new Error('gone'));
});
