/** What people do with their usual clients, and must get from any gateway, whatever model stands behind it. */
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { embed, generateText, streamText } from 'ai';
import OpenAI, { toFile } from 'openai';
import type { Test } from 'tap';

export interface Gateway {
  readonly address: string;
  /** Of a tenant with the deployment `assistant`, which has the scopes inference, documents and route. */
  readonly key: string;
  readonly otherKey: string;
  readonly embedder: string;
  readonly dimensions: number;
}

const MODEL = 'assistant';
const QUESTION = [{ role: 'user' as const, content: 'What does an international transfer cost?' }];
const LIMIT = 24;

export async function clientSuite(t: Test, gateway: Gateway): Promise<void> {
  const client = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${gateway.address}/v1`, maxRetries: 0 });
  const openai = client(gateway.key);

  await t.test('openai: an answer in one piece, with its version in the headers', async (t) => {
    const { data, response } = await openai.chat.completions
      .create({ model: MODEL, messages: QUESTION, max_tokens: LIMIT })
      .withResponse();
    t.type(data.choices[0]?.message.content, 'string');
    t.match(data.model, /^assistant@\d+$/);
    t.equal(data.usage!.prompt_tokens + data.usage!.completion_tokens, data.usage!.total_tokens);
    t.match(response.headers.get('x-adapter'), /^.+@\d+$/);
    t.equal(response.headers.get('x-canary-arm'), 'stable');
  });

  await t.test('openai: the streamed answer is the same, and usage is its last word', async (t) => {
    const request = { model: MODEL, messages: QUESTION, max_tokens: LIMIT, temperature: 0 };
    const whole = await openai.chat.completions.create(request);
    const stream = openai.chat.completions.stream({ ...request, stream_options: { include_usage: true } });
    let pieces = '';
    for await (const chunk of stream) pieces += chunk.choices[0]?.delta.content ?? '';
    const final = await stream.finalChatCompletion();
    t.equal(final.choices[0]?.message.content, whole.choices[0]?.message.content);
    t.equal(pieces, final.choices[0]?.message.content);
    t.same(final.usage, whole.usage);
    t.equal(final.choices[0]?.finish_reason, whole.choices[0]?.finish_reason);
  });

  await t.test('openai: a header routes to the canary', async (t) => {
    const { data, response } = await openai.chat.completions
      .create({ model: MODEL, messages: QUESTION, max_tokens: 4 }, { headers: { 'x-canary': 'always' } })
      .withResponse();
    t.equal(response.headers.get('x-canary-arm'), 'canary');
    t.equal(data.model, 'assistant@2');
  });

  await t.test('openai: a stream that is left early ends without an error', async (t) => {
    const stream = await openai.chat.completions.create({ model: MODEL, messages: QUESTION, stream: true });
    for await (const chunk of stream) {
      t.equal(chunk.object, 'chat.completion.chunk');
      break;
    }
  });

  await t.test('openai: log probabilities, and text without a template', async (t) => {
    const chat = await openai.chat.completions.create({
      model: MODEL,
      messages: QUESTION,
      max_tokens: 3,
      logprobs: true,
      top_logprobs: 2,
    });
    const tokens = chat.choices[0]!.logprobs!.content!;
    t.equal(tokens.length, chat.usage!.completion_tokens);
    t.ok(tokens.every(({ logprob, top_logprobs }) => logprob <= 0 && top_logprobs.length === 2));
    const text = await openai.completions.create({ model: MODEL, prompt: 'The fee is', max_tokens: 3 });
    t.type(text.choices[0]?.text, 'string');
    t.equal(text.usage?.completion_tokens, 3);
  });

  await t.test('openai: several choices are what single answers with their seeds are', async (t) => {
    const body = { model: MODEL, messages: QUESTION, max_tokens: 8, temperature: 1 };
    const { choices, usage } = await openai.chat.completions.create({ ...body, n: 3, seed: 7 });
    for (const { index, message } of choices) {
      const single = await openai.chat.completions.create({ ...body, seed: 7 + index });
      t.equal(message.content, single.choices[0]!.message.content);
      t.equal(usage!.prompt_tokens, single.usage!.prompt_tokens);
    }
  });

  await t.test('openai: errors arrive as the classes of the client', async (t) => {
    const ask = (over: object, from = openai) =>
      from.chat.completions.create({ model: MODEL, messages: QUESTION, ...over });
    await refused(t, ask({}, client('sk-unknown')), OpenAI.AuthenticationError, { code: 'invalid_api_key' });
    await refused(t, ask({ model: 'nothing' }), OpenAI.NotFoundError, { code: 'model_not_found' });
    await refused(t, ask({ n: 9 }), OpenAI.BadRequestError, { code: 'invalid_value', param: 'n' });
    await refused(t, ask({ temperature: 5, stream: true }), OpenAI.BadRequestError, { param: 'temperature' });
  });

  await t.test('openai: embeddings survive the base64 that the client asks for by itself', async (t) => {
    const input = ['mortgage', 'credit card'];
    const packed = await openai.embeddings.create({ model: gateway.embedder, input });
    const plain = await openai.embeddings.create({ model: gateway.embedder, input, encoding_format: 'float' });
    for (const [index, { embedding }] of packed.data.entries()) {
      t.equal(embedding.length, gateway.dimensions);
      t.ok(embedding.some((value) => value !== 0));
      const expected = plain.data[index]!.embedding;
      t.ok(embedding.every((value, at) => Math.abs(value - expected[at]!) < 1e-6));
    }
  });

  await t.test('openai: models can be listed and named', async (t) => {
    const ids: string[] = [];
    for await (const { id } of openai.models.list()) ids.push(id);
    t.ok(ids.includes(MODEL) && ids.includes('assistant@1') && ids.includes(gateway.embedder));
    t.equal((await openai.models.retrieve('assistant@1')).id, 'assistant@1');
  });

  await t.test('openai: a document is uploaded, found by its tenant alone, and deleted', async (t) => {
    const content = '# Transfers\n\nAn international transfer to Ruritania costs 17.35 EUR.\n';
    const file = await openai.files.create({
      file: await toFile(Buffer.from(content), 'transfers.md'),
      purpose: 'assistants',
    });
    t.equal(file.bytes, Buffer.byteLength(content));
    t.equal(await (await openai.files.content(file.id)).text(), content);
    const store = await openai.vectorStores.create({
      name: 'Client suite',
      expires_after: { anchor: 'last_active_at', days: 1 },
    });
    t.equal(store.expires_at, store.last_active_at! + 86_400);
    const expires_after = { anchor: 'last_active_at', days: 2 } as const;
    t.same((await openai.vectorStores.update(store.id, { expires_after })).expires_after, expires_after);
    const chunking = { max_chunk_size_tokens: 200, chunk_overlap_tokens: 20 };
    const attached = await openai.vectorStores.files.createAndPoll(store.id, {
      file_id: file.id,
      chunking_strategy: { type: 'static', static: chunking },
    });
    t.same(attached.chunking_strategy, { type: 'static', static: chunking });
    t.equal(attached.status, 'completed', attached.last_error?.message ?? '');

    const query = 'transfer to Ruritania';
    const found = await openai.vectorStores.search(store.id, { query, max_num_results: 3 });
    t.match(found.data[0], {
      file_id: file.id,
      filename: 'transfers.md',
      content: [{ type: 'text', text: /17\.35 EUR/ }],
    });
    const stranger = client(gateway.otherKey);
    await refused(t, stranger.vectorStores.search(store.id, { query }), OpenAI.NotFoundError);
    await refused(t, stranger.files.retrieve(file.id), OpenAI.NotFoundError);

    t.equal((await openai.files.delete(file.id)).deleted, true);
    await refused(t, openai.files.retrieve(file.id), OpenAI.NotFoundError);
    t.same((await openai.vectorStores.search(store.id, { query })).data, []);
    t.equal((await openai.vectorStores.delete(store.id)).deleted, true);
  });

  await t.test('openai: files are attached in batches, from their ids or from their content', async (t) => {
    const upload = async (name: string) => {
      const file = await toFile(Buffer.from(`# ${name}\n\nThe fee of ${name} is 5 EUR.\n`), `${name}.md`);
      return openai.files.create({ file, purpose: 'assistants' });
    };
    const [one, two] = [await upload('one'), await upload('two')];
    const store = await openai.vectorStores.create({ name: 'Batches' });
    const batches = openai.vectorStores.fileBatches;
    const batch = await batches.createAndPoll(store.id, { file_ids: [one.id, two.id] });
    t.match(batch, { status: 'completed', file_counts: { completed: 2, in_progress: 0, total: 2 } });
    const files = [await toFile(Buffer.from('# Three\n\nThe fee of three is 6 EUR.\n'), 'three.md')];
    const uploaded = await batches.uploadAndPoll(store.id, { files, fileIds: [one.id] });
    t.match(uploaded, { status: 'completed', file_counts: { completed: 2, total: 2 } });

    const ids = async (listing: AsyncIterable<{ id: string }>) => {
      const found: string[] = [];
      for await (const { id } of listing) found.push(id);
      return found;
    };
    const query = { vector_store_id: store.id, order: 'asc' as const, limit: 1 };
    t.same(await ids(batches.listFiles(batch.id, query)), [one.id, two.id]);
    t.same(await ids(batches.listFiles(batch.id, { ...query, filter: 'failed' })), []);
    t.equal((await ids(openai.vectorStores.files.list(store.id, { filter: 'completed' }))).length, 3);
    t.match(await batches.cancel(batch.id, { vector_store_id: store.id }), { id: batch.id, status: 'completed' });
    await refused(t, batches.retrieve('vsfb_none', { vector_store_id: store.id }), OpenAI.NotFoundError);
    t.equal((await openai.vectorStores.delete(store.id)).deleted, true);
  });

  const aiSdk = {
    '@ai-sdk/openai-compatible': createOpenAICompatible({
      name: 'switchyard',
      baseURL: `${gateway.address}/v1`,
      apiKey: gateway.key,
      includeUsage: true,
    }),
    '@ai-sdk/openai': createOpenAI({ baseURL: `${gateway.address}/v1`, apiKey: gateway.key }),
  };
  for (const [name, provider] of Object.entries(aiSdk)) {
    await t.test(`${name}: text in one piece, streamed, and embedded`, async (t) => {
      const request = {
        model: 'chat' in provider ? provider.chat(MODEL) : provider(MODEL),
        messages: QUESTION,
        maxOutputTokens: LIMIT,
        temperature: 0,
        maxRetries: 0,
      };
      const whole = await generateText(request);
      t.ok(whole.text.length > 0);
      t.ok(whole.usage.inputTokens! > 0 && whole.usage.outputTokens! > 0);
      const streamed = streamText(request);
      let text = '';
      for await (const piece of streamed.textStream) text += piece;
      t.equal(text, whole.text);
      t.same((await streamed.usage).totalTokens, whole.usage.totalTokens);
      t.equal(await streamed.finishReason, whole.finishReason);
      t.match(
        await streamed.sources,
        whole.sources.map((source) => ({ ...source, id: String })),
      );
      const { embedding } = await embed({ model: provider.embeddingModel(gateway.embedder), value: 'fee' });
      t.equal(embedding.length, gateway.dimensions);
    });
  }

  await t.test('LangChain: an answer in one piece, streamed, and embedded', async (t) => {
    const settings = { apiKey: gateway.key, configuration: { baseURL: `${gateway.address}/v1` }, maxRetries: 0 };
    const model = new ChatOpenAI({ ...settings, model: MODEL, maxTokens: LIMIT, temperature: 0 });
    const whole = await model.invoke('What does a transfer cost?');
    t.ok(String(whole.content).length > 0);
    t.ok(whole.usage_metadata!.output_tokens > 0);
    let text = '';
    for await (const chunk of await model.stream('What does a transfer cost?')) text += chunk.content;
    t.equal(text, whole.content);
    const embeddings = new OpenAIEmbeddings({ ...settings, model: gateway.embedder });
    t.equal((await embeddings.embedQuery('fee')).length, gateway.dimensions);
    t.equal((await embeddings.embedDocuments(['fee', 'card'])).length, 2);
  });
}

async function refused(
  t: Test,
  call: Promise<unknown>,
  kind: abstract new (...args: never[]) => Error,
  detail: { code?: string; param?: string } = {},
): Promise<void> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  t.ok(error instanceof kind, `${kind.name}: ${error}`);
  t.match(error, detail);
}
