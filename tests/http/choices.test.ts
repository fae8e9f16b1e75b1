/** `n`: several answers to one prompt. */
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import t, { type Test } from 'tap';
import { AppError } from '../../src/errors/app-error.js';
import { bearer, createTestServer, KEY, passage, readEvents } from './fakes.js';

const chat = (body: object = {}) => ({
  method: 'POST' as const,
  url: '/v1/chat/completions',
  headers: bearer(),
  payload: { model: 'plain', messages: [{ role: 'user', content: 'What is the fee?' }], n: 3, ...body },
});

async function open(t: Test) {
  const server = await createTestServer();
  t.teardown(() => server.app.close());
  return server;
}

interface Chunk {
  readonly choices: readonly {
    index: number;
    delta: { role?: string; content?: string };
    finish_reason: string | null;
  }[];
  readonly usage?: object;
}

t.test('each choice has its text, its seed and its end, and the prompt counts once', async (t) => {
  const { app, engine, registry } = await open(t);
  const answer = (await app.inject(chat({ seed: 5, logprobs: true, response_format: { type: 'json_object' } }))).json();
  const choice = (index: number) => ({
    index,
    message: { role: 'assistant', content: 'Hello world' },
    logprobs: { content: [{ token: 'Hello' }, { token: ' world' }] },
    finish_reason: 'stop',
  });
  t.match(answer.choices, [choice(0), choice(1), choice(2)]);
  t.same(answer.usage, {
    prompt_tokens: 7,
    completion_tokens: 6,
    total_tokens: 13,
    prompt_tokens_details: { cached_tokens: 3 },
  });
  t.same(
    engine.requests.map(({ sampling, grammar }) => [sampling.seed, grammar?.kind]),
    [5, 6, 7].map((seed) => [seed, 'json']),
  );
  t.match(registry.answers, [{ id: answer.id, outcome: 'completed', promptTokens: 7, completionTokens: 6 }]);
});

t.test('the further choices begin once the first has computed the prompt', async (t) => {
  const { app, engine } = await open(t);
  let compute = () => {};
  engine.answer([{ wait: new Promise<void>((resolve) => (compute = resolve)) }, 'Hello']);
  const answer = app.inject(chat());
  while (engine.requests.length === 0) await sleep(2);
  await sleep(20);
  t.equal(engine.requests.length, 1);
  compute();
  t.equal((await answer).json().choices.length, 3);
  t.equal(engine.requests.length, 3);
});

t.test('a stream tells which choice each chunk is of, and what they took together at its end', async (t) => {
  const { app } = await open(t);
  const { body } = await app.inject(chat({ stream: true, stream_options: { include_usage: true } }));
  const events = readEvents(body);
  t.equal(events.pop(), '[DONE]');
  const last = events.pop() as Chunk;
  t.match(last, { choices: [], usage: { prompt_tokens: 7, completion_tokens: 6 } });
  const chunks = (events as Chunk[]).map(({ choices: [choice] }) => choice!);
  for (const index of [0, 1, 2]) {
    const own = chunks.filter((chunk) => chunk.index === index);
    t.match(own[0], { delta: { role: 'assistant', content: '' } });
    t.equal(own.map(({ delta }) => delta.content).join(''), 'Hello world');
    t.same(
      own.map(({ finish_reason: reason }) => reason),
      [...own.slice(1).map(() => null), 'stop'],
    );
  }
});

t.test('openai: choices of a chat that is streamed, and of a text', async (t) => {
  const { app } = await open(t);
  const baseURL = `${await app.listen({ port: 0 })}/v1`;
  const openai = new OpenAI({ apiKey: KEY, baseURL, maxRetries: 0 });
  const final = await openai.chat.completions.stream(chat().payload as never).finalChatCompletion();
  t.same(
    final.choices.map(({ index, message, finish_reason: reason }) => [index, message.content, reason]),
    [0, 1, 2].map((index) => [index, 'Hello world', 'stop']),
  );
  const text = await openai.completions.create({ model: 'plain', prompt: 'The fee', n: 2, logprobs: 1, best_of: null });
  t.match(text.choices, [
    { index: 0, text: 'Hello world', logprobs: { text_offset: [0, 5] } },
    { index: 1, text: 'Hello world', logprobs: { text_offset: [0, 5] } },
  ]);
  const stream = await openai.completions.create({
    model: 'plain',
    prompt: 'The fee',
    n: 2,
    logprobs: 1,
    stream: true,
  });
  const texts = ['', ''];
  for await (const { choices } of stream) {
    for (const choice of choices) {
      texts[choice.index] += choice.text;
      if (choice.text === ' world') t.same(choice.logprobs?.text_offset, [5], 'each counts its own offsets');
    }
  }
  t.same(texts, ['Hello world', 'Hello world']);
});

t.test('each choice asks for its own calls, and cites for itself', async (t) => {
  const { app, engine, retrieval } = await open(t);
  const tools = [{ type: 'function', function: { name: 'get_fee', parameters: { type: 'object', properties: {} } } }];
  engine.answer([...'<tool_call>\n{"name": "get_fee", "arguments": {}}\n</tool_call>']);
  const { choices } = (await app.inject(chat({ tools, n: 2 }))).json();
  const ids = choices.map((choice: { message: { tool_calls: { id: string }[] } }) => choice.message.tool_calls[0]!.id);
  t.equal(new Set(ids).size, 2);
  t.match(choices, [{ finish_reason: 'tool_calls' }, { finish_reason: 'tool_calls' }]);

  retrieval.passages.set('bank', [passage('fees', 'The fee is 5 EUR.', 0.9)]);
  engine.answer(['It is 5 EUR', ' [1].']);
  const cited = (await app.inject(chat({ model: 'assistant', n: 2 }))).json();
  const message = { annotations: [{ file_citation: { file_id: 'file-fees' } }], context: { citations: [{}] } };
  t.match(cited.choices, [{ message }, { message }]);
  t.equal(retrieval.searches.length, 1, 'one search serves all');
});

t.test('the tokens of all choices are set aside before, and what they took is settled', async (t) => {
  const { app, registry, engine } = await open(t);
  const limited = (tokensPerMinute: number) => {
    registry.limits = { ...registry.limits, tokensPerMinute };
  };
  limited(36);
  const refused = await app.inject(chat({ max_tokens: 10 }));
  t.match(refused.json().error, { code: 'request_exceeds_limit', message: /up to 37/ });
  t.equal(engine.requests.length, 0);
  limited(37);
  const answer = await app.inject(chat({ max_tokens: 10 }));
  t.equal(answer.statusCode, 200);
  const { headers } = await app.inject({ url: '/v1/models', headers: bearer() });
  t.equal(headers['x-ratelimit-remaining-tokens'], '24', '7 of the prompt, and 2 of each choice');
});

t.test('a hang-up ends all choices, and what each had is metered', async (t) => {
  const { app, engine, registry } = await open(t);
  engine.answer(['Hello', { wait: new Promise(() => {}) }]);
  const address = await app.listen({ port: 0 });
  const { method, headers, payload } = chat({ stream: true });
  const json = { ...headers, 'content-type': 'application/json' };
  const request = http.request(`${address}/v1/chat/completions`, { method, headers: json });
  request.on('error', () => {});
  request.end(JSON.stringify(payload));
  while (engine.active() < 3) await sleep(2);
  request.destroy();
  while (registry.answers.length === 0) await sleep(2);
  t.match(registry.answers, [{ outcome: 'aborted', promptTokens: 7, completionTokens: 3 }]);
  t.equal(engine.active(), 0);
});

t.test('where one choice fails, the answer does, and the others end', async (t) => {
  const { app, engine, registry } = await open(t);
  let first = true;
  engine.answer([
    'Hello',
    {
      get wait() {
        const waits = first;
        first = false;
        return waits ? new Promise(() => {}) : Promise.resolve();
      },
    },
    { fail: new AppError('generation_failed', { reason: 'it broke' }) },
  ]);
  const answer = await app.inject(chat());
  t.match([answer.statusCode, answer.json().error.code], [500, 'generation_failed']);
  t.match(registry.answers, [{ outcome: 'generation_failed' }]);
  t.equal(engine.active(), 0);
});

t.test('more than eight, and less than one, are refused', async (t) => {
  const { app } = await open(t);
  for (const n of [0, 9, 1.5]) {
    t.match((await app.inject(chat({ n }))).json().error, { code: 'invalid_value', param: 'n' });
  }
});
