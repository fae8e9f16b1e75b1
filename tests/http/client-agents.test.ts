/** What the usual clients make of functions and schemas: objects, and loops of calls. */
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import { generateObject, jsonSchema, stepCountIs, streamObject, streamText, tool } from 'ai';
import { createAgent, tool as langchainTool } from 'langchain';
import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import t, { type Test } from 'tap';
import { z } from 'zod';
import { createTestServer, KEY } from './fakes.js';

// What it warns of is a part of the tests.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });

const QUESTION = 'What is the weather?';
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const Card = z.object({ card: z.enum(['gold', 'basic']), fee: z.number() });
const CARD = { card: 'gold', fee: 5 };

async function open(t: Test) {
  const server = await createTestServer({ keptIn: t.testdir() });
  const address = await server.app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => server.app.close());
  const settings = { apiKey: KEY, baseURL: `${address}/v1` };
  const { engine } = server;
  const call = (city: string) =>
    engine.answer([
      'I look.\n',
      ...`<tool_call>\n{"name": "get_weather", "arguments": {"city": "${city}"}}\n</tool_call>`,
    ]);
  /** What a tool of the client does: the model then says something. */
  const rain = (city: string) => {
    engine.answer(['It rains.']);
    return { city, rain: true };
  };
  const shown = () => engine.requests.at(-1)!.prompt;
  const conversation = {
    messages: [
      { role: 'user', content: QUESTION },
      { toolCalls: [{ name: 'get_weather', arguments: /Oslo/ }] },
      { role: 'tool', content: '{"city":"Oslo","rain":true}' },
    ],
  };
  return { ...server, settings, call, rain, shown, conversation };
}

t.test('AI SDK: generateObject and streamObject, by either API', async (t) => {
  const { engine, settings } = await open(t);
  engine.answer(['{"card": "gold", ', '"fee": 5}']);
  const compatible = createOpenAICompatible({ name: 'switchyard', ...settings, supportsStructuredOutputs: true });
  const openai = createOpenAI(settings);
  const models = [compatible('plain'), openai('plain'), openai.chat('plain')];
  for (const model of models) {
    const asked = { model, schema: Card, prompt: 'A card?', maxRetries: 0 };
    t.same((await generateObject(asked)).object, CARD);
    t.match(engine.requests.at(-1)!.grammar, { kind: 'json_schema', schema: /"card"/ });
    let last: unknown;
    for await (const partial of streamObject(asked).partialObjectStream) last = partial;
    t.same(last, CARD);
  }
  const free = createOpenAICompatible({ name: 'switchyard', ...settings })('plain');
  t.same((await generateObject({ model: free, schema: Card, prompt: 'A card?' })).object, CARD);
  t.same(engine.requests.at(-1)!.grammar, { kind: 'json' }, 'a client that sends no schema gets an object');
});

t.test('AI SDK: streamText calls a tool and goes on with what it says, by either API', async (t) => {
  const { settings, call, rain, shown, conversation } = await open(t);
  const models = [
    createOpenAICompatible({ name: 'switchyard', ...settings })('plain'),
    createOpenAI(settings)('plain'),
  ];
  for (const model of models) {
    call('Oslo');
    const { text, steps } = streamText({
      model,
      prompt: QUESTION,
      stopWhen: stepCountIs(3),
      tools: {
        get_weather: tool({
          description: 'Tells it.',
          inputSchema: jsonSchema<{ city: string }>(parameters as never),
          execute: async ({ city }) => rain(city),
        }),
      },
    });
    t.equal(await text, 'It rains.');
    const first = { text: 'I look.', finishReason: 'tool-calls', toolCalls: [{ input: { city: 'Oslo' } }] };
    t.match(await steps, [first, {}]);
    t.match(shown(), conversation);
  }
});

t.test('LangChain: an agent calls its tool, and answers in a form', async (t) => {
  const {
    engine,
    settings: { apiKey, baseURL },
    call,
    rain,
    shown,
    conversation,
  } = await open(t);
  const llm = new ChatOpenAI({ model: 'plain', apiKey, configuration: { baseURL }, maxRetries: 0 });
  const weather = langchainTool(({ city }: { city: string }) => JSON.stringify(rain(city)), {
    name: 'get_weather',
    description: 'Tells it.',
    schema: z.object({ city: z.string() }),
  });
  call('Oslo');
  const { messages } = await createAgent({ model: llm, tools: [weather] }).invoke({
    messages: [{ role: 'user', content: QUESTION }],
  });
  t.equal(messages.at(-1)!.content, 'It rains.');
  t.match(shown(), conversation);
  engine.answer(['{"card": "gold", ', '"fee": 5}']);
  t.same(await llm.withStructuredOutput(Card).invoke('A card?'), CARD);
  t.match(engine.requests.at(-1)!.grammar, { kind: 'json_schema' });
});

t.test('openai: a response is parsed by the schema that it was asked with', async (t) => {
  const { engine, settings } = await open(t);
  engine.answer(['{"card": "gold", ', '"fee": 5}']);
  const { output_parsed: parsed } = await new OpenAI(settings).responses.parse({
    model: 'plain',
    input: 'A card?',
    text: { format: zodTextFormat(Card, 'card') },
  });
  t.same(parsed, CARD);
  t.match(engine.requests[0]!.grammar, { kind: 'json_schema', param: 'text.format.schema' });
});
