import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateObject } from 'ai';
import { Tiktoken } from 'js-tiktoken/lite';
import cl100k from 'js-tiktoken/ranks/cl100k_base';
import OpenAI, { toFile } from 'openai';
import t from 'tap';
import { z } from 'zod';
import { keyOf, startGateway, TENANTS } from '../fixtures/gateway/gateway.js';
import { readSamples, total } from '../http/exposition.js';
import { clientSuite, type Gateway } from './client-suite.js';
import { pythonClients } from './python-clients.js';

const question = [{ role: 'user' as const, content: 'What is the code word?' }];
/** In the documents of one tenant each, and nowhere else. */
const CODE_WORDS = { bank: 'BANK-CANARY-4711', shop: 'SHOP-CANARY-0815' };

t.test('a gateway with the real models', async (t) => {
  const { address, config } = await startGateway(t);
  const clientOf = (tenant: (typeof TENANTS)[number]) =>
    new OpenAI({ apiKey: keyOf(tenant), baseURL: `${address}/v1`, maxRetries: 0 });
  const scrape = async () => readSamples(await (await fetch(`${address}/metrics`)).text());

  for (const tenant of TENANTS) {
    const client = clientOf(tenant);
    const content = `# Code words\n\nThe code word of the ${tenant} is ${CODE_WORDS[tenant]}.\n`;
    const file = await client.files.create({
      file: await toFile(Buffer.from(content), 'words.md'),
      purpose: 'assistants',
    });
    const store = await client.vectorStores.create({ name: 'Documents' });
    const attached = await client.vectorStores.files.createAndPoll(store.id, { file_id: file.id });
    t.equal(attached.status, 'completed');
  }

  await t.test('each tenant is answered from its own documents, and never sees the other', async (t) => {
    for (const [tenant, other] of [TENANTS, [...TENANTS].reverse()] as const) {
      const request = { model: 'assistant', messages: question, max_tokens: 24 };
      const { data, response } = await clientOf(tenant!).chat.completions.create(request).withResponse();
      const { context } = data.choices[0]!.message as unknown as { context: { citations: { content: string }[] } };
      t.match(context.citations[0]?.content, CODE_WORDS[tenant!]);
      t.notMatch(JSON.stringify(data), CODE_WORDS[other!]);
      t.equal(response.headers.get('x-adapter'), 'support@1');
    }
  });

  await t.test('the versions answer differently, and the metrics keep them apart', async (t) => {
    const client = clientOf('bank');
    const before = await scrape();
    const answers = new Map<string, OpenAI.ChatCompletion>();
    for (const canary of ['never', 'always']) {
      const request = { model: 'assistant', messages: question, max_tokens: 12 };
      answers.set(canary, await client.chat.completions.create(request, { headers: { 'x-canary': canary } }));
    }
    const [stable, canary] = [answers.get('never')!, answers.get('always')!];
    t.equal(stable.model, 'assistant@1');
    t.equal(canary.model, 'assistant@2');
    t.not(stable.choices[0]!.message.content, canary.choices[0]!.message.content);
    const after = await scrape();
    const grown = (name: string, labels: Record<string, string>) =>
      total(after, name, labels) - total(before, name, labels);
    for (const [answer, arm, adapter] of [
      [stable, 'stable', 'support@1'],
      [canary, 'canary', 'support@2'],
    ] as const) {
      const labels = { tenant: 'bank', deployment: 'assistant', adapter, arm };
      t.equal(grown('requests_total', { ...labels, outcome: 'completed' }), 1);
      t.equal(grown('tokens_total', { ...labels, direction: 'prompt' }), answer.usage!.prompt_tokens);
      t.equal(grown('tokens_total', { ...labels, direction: 'completion' }), answer.usage!.completion_tokens);
    }
    t.ok(total(after, 'adapters_resident') >= 2);
    t.equal(total(after, 'kv_slots'), config.engine.slots + config.engine.reservedSlots);
    t.ok(total(after, 'engine_step_duration_seconds_count', { kind: 'decode' }) > 0);
    t.ok(total(after, 'child_resident_memory_bytes', { process: 'engine' }) > 1e6);
  });

  await t.test('time to the first token is what the client waited, and its stages are within it', async (t) => {
    const before = await scrape();
    const sentMs = performance.now();
    const stream = await clientOf('bank').chat.completions.create({
      model: 'assistant',
      messages: question,
      max_tokens: 12,
      stream: true,
    });
    let firstMs: number | null = null;
    for await (const { choices } of stream) if (choices[0]?.delta.content) firstMs ??= performance.now() - sentMs;
    const after = await scrape();
    const grownMs = (name: string) => (total(after, `${name}_sum`) - total(before, `${name}_sum`)) * 1000;
    const measuredMs = grownMs('time_to_first_token_seconds');
    t.ok(measuredMs > 0 && measuredMs <= firstMs!, `measured ${measuredMs} ms, the client waited ${firstMs} ms`);
    t.ok(grownMs('queue_duration_seconds') + grownMs('prefill_duration_seconds') <= measuredMs);
  });

  await t.test('a client that hangs up frees its slot, and its tokens are metered', async (t) => {
    const before = await scrape();
    const stream = await clientOf('bank').chat.completions.create({
      model: 'assistant',
      messages: question,
      stream: true,
      logit_bias: { 2: -100 },
    });
    let chunks = 0;
    for await (const _ of stream) if (++chunks === 4) break;
    let after = await scrape();
    const aborted = () =>
      total(after, 'requests_total', { outcome: 'aborted' }) - total(before, 'requests_total', { outcome: 'aborted' });
    while (aborted() === 0 || total(after, 'kv_slots_in_use') > 0) after = await scrape();
    const tokens =
      total(after, 'tokens_total', { direction: 'completion' }) -
      total(before, 'tokens_total', { direction: 'completion' });
    t.ok(tokens >= 3 && tokens < 500, `${tokens} tokens were metered`);
  });

  await t.test('a prompt that does not fit is refused with its numbers', async (t) => {
    const messages = [{ role: 'user' as const, content: 'word '.repeat(3000) }];
    const error = await clientOf('bank')
      .chat.completions.create({ model: 'assistant', messages })
      .catch((reason) => reason);
    t.ok(error instanceof OpenAI.BadRequestError);
    t.match(error, { code: 'context_length_exceeded', message: /1024/ });
  });

  await t.test('AI SDK: generateObject gives a value of its schema, whatever the model would write', async (t) => {
    const settings = { name: 'switchyard', apiKey: keyOf('bank'), baseURL: `${address}/v1` };
    const model = createOpenAICompatible({ ...settings, supportsStructuredOutputs: true })('assistant');
    const schema = z.object({ currency: z.enum(['EUR', 'GBP']), amount: z.number().int().min(0).max(99) });
    const { object } = await generateObject({ model, schema, prompt: 'Five euros.', maxRetries: 0 });
    t.ok(schema.safeParse(object).success);
  });

  const gateway: Gateway = {
    address,
    key: keyOf('bank'),
    otherKey: keyOf('shop'),
    embedder: config.models.embedder,
    dimensions: 384,
  };
  await clientSuite(t, gateway);
  await pythonClients(t, gateway, ['token_ids', 'structured']);

  await t.test('token ids are embedded as the text that they stand for', async (t) => {
    const { embeddings } = clientOf('bank');
    const tokens = new Tiktoken(cl100k);
    const [texts, model] = [['How are fees charged?', 'A card was lost'], gateway.embedder];
    const vectorsOf = async (input: string | string[] | number[] | number[][]) =>
      (await embeddings.create({ model, input })).data.map(({ embedding }) => embedding);
    const expected = await vectorsOf(texts);
    t.same(await vectorsOf(texts.map((text) => tokens.encode(text))), expected);
    t.same(await vectorsOf(tokens.encode(texts[0]!)), await vectorsOf(texts[0]!));
    const unknown = await vectorsOf([1, 999_999]).catch((reason) => reason);
    t.match(unknown, { status: 400, param: 'input[0][1]' });
  });
});
