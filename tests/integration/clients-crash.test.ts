import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI, { toFile } from 'openai';
import t from 'tap';
import { childPid, keyOf, startGateway } from '../fixtures/gateway/gateway.js';
import { readSamples, total } from '../http/exposition.js';

const RETRYABLE = ['engine_unavailable', 'retrieval_unavailable', 'tokenizer_unavailable'];

t.test('when a child process is killed or hangs, every request ends, answered or with an error to retry', async (t) => {
  const { address } = await startGateway(t, { SWITCHYARD_SERVER_HANG_TIMEOUT_MS: '3000' });
  const client = new OpenAI({ apiKey: keyOf('bank'), baseURL: `${address}/v1`, maxRetries: 0 });
  const file = await client.files.create({
    file: await toFile(Buffer.from('# Fees\n\nThe early repayment fee is 1.5 %.\n'), 'fees.md'),
    purpose: 'assistants',
  });
  const store = await client.vectorStores.create({ name: 'Documents' });
  await client.vectorStores.files.createAndPoll(store.id, { file_id: file.id });

  const ask = async (maxTokens: number) => {
    const stream = await client.chat.completions.create({
      model: 'assistant',
      messages: [{ role: 'user', content: 'What is the early repayment fee?' }],
      max_tokens: maxTokens,
      stream: true,
    });
    let text = '';
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
    return text;
  };
  const readiness = async () => (await fetch(`${address}/readyz`)).status;
  const scrape = async () => readSamples(await (await fetch(`${address}/metrics`)).text());
  const restarts = async (room: string) => total(await scrape(), 'child_restarts_total', { process: room });
  const answer = await ask(12);

  for (const [room, signal] of [
    ['engine', 'SIGKILL'],
    ['retrieval', 'SIGKILL'],
    ['engine', 'SIGSTOP'],
    ['tokenizer', 'SIGSTOP'],
  ] as const) {
    const before = await restarts(room);
    // More than there are slots, so that some are being read, some answered, and some wait.
    const inFlight = Promise.allSettled(Array.from({ length: 6 }, () => ask(60)));
    await sleep(150);
    process.kill(childPid(room), signal);
    // Counted when the process is missed, however soon the next one is ready.
    while ((await restarts(room)) === before) await sleep(20);
    for (const result of await inFlight) {
      if (result.status === 'fulfilled') t.ok(result.value.length > 0);
      else t.ok(RETRYABLE.includes(result.reason.code), `${room}: ${result.reason}`);
    }
    while ((await readiness()) !== 200) await sleep(20);
    t.equal(await ask(12), answer, `${room}, ${signal}: the answer is the same as before`);
  }
  t.equal(await restarts('engine'), 2);
  t.equal(await restarts('retrieval'), 1);
  t.equal(await restarts('tokenizer'), 1);
  t.equal(total(await scrape(), 'kv_slots_in_use'), 0);
});
