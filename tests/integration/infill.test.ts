import OpenAI, { toFile } from 'openai';
import t from 'tap';
import { keyOf, startGateway, type TENANTS } from '../fixtures/gateway/gateway.js';
import { readSamples, total } from '../http/exposition.js';

const MODEL = 'qwen2.5-coder-0.5b-instruct';
const ABOVE = `def to_celsius(fahrenheit):
    return (fahrenheit - 32) * 5 / 9


def to_fahrenheit(celsius):
`;
const BEHIND = `


def to_kelvin(celsius):
    return celsius + 273.15
`;

t.setTimeout(300_000);

t.test('an editor in front of the real coder model', async (t) => {
  const { address } = await startGateway(t, {
    SWITCHYARD_MODELS_BASE: MODEL,
    SWITCHYARD_ENGINE_CONTEXT_TOKENS: '2048',
  });
  type Tenant = (typeof TENANTS)[number];
  const headersOf = (tenant: Tenant) => ({
    authorization: `Bearer ${keyOf(tenant)}`,
    'content-type': 'application/json',
  });
  const complete = async (prompt: string, suffix: string | undefined, more: object = {}, tenant: Tenant = 'bank') => {
    const response = await fetch(`${address}/v1/completions`, {
      method: 'POST',
      headers: headersOf(tenant),
      body: JSON.stringify({ model: MODEL, prompt, suffix, temperature: 0, max_tokens: 48, ...more }),
    });
    t.equal(response.status, 200);
    const { choices } = (await response.json()) as OpenAI.Completion;
    return choices[0]!.text;
  };

  await t.test('a line and a body are filled in, and end where the file goes on', async (t) => {
    t.equal(await complete(`${ABOVE}    return celsius * 9 / `, BEHIND), '5 + 32');
    t.match(await complete(`${ABOVE}    `, BEHIND), /^return [^\n]*celsius[^\n]*$/);
  });

  await t.test('the cursor may stand within a word', async (t) => {
    t.match(await complete(`${ABOVE}    return (cels`, BEHIND), /^ius[^\n]* \+ 32$/);
    const fee = 'const FEES = { overdraftPenalty: 12 }\n\nfunction penalty() {\n  return FEES.overd';
    t.match(await complete(fee, '\n}\n'), /^raftPenalty;?$/);
  });

  await t.test("llama.cpp's editor extensions get the same", async (t) => {
    const response = await fetch(`${address}/infill`, {
      method: 'POST',
      headers: headersOf('bank'),
      body: JSON.stringify({ input_prefix: ABOVE, prompt: '    return (cels', input_suffix: BEHIND, n_predict: 48 }),
    });
    const { content } = (await response.json()) as { content: string };
    t.equal(content, await complete(`${ABOVE}    return (cels`, BEHIND));
  });

  await t.test("a client that writes the model's tokens itself gets the same", async (t) => {
    const above = `${ABOVE}    return (cels`;
    const raw = `<|fim_prefix|>${above}<|fim_suffix|>${BEHIND}<|fim_middle|>`;
    t.equal(await complete(raw, undefined), await complete(above, BEHIND));
  });

  await t.test('whoever hangs up at every key finds the most part computed, and gets what others get', async (t) => {
    const scrape = async () => readSamples(await (await fetch(`${address}/metrics`)).text());
    const above = `# Conversions between scales of temperature\n\n${ABOVE.repeat(6)}`;
    const typed = '    result = cel';
    const before = await scrape();
    for (let length = 0; length < typed.length; length++) {
      const response = await fetch(`${address}/v1/completions`, {
        method: 'POST',
        headers: headersOf('bank'),
        body: JSON.stringify({
          model: MODEL,
          prompt: above + typed.slice(0, length),
          suffix: BEHIND,
          temperature: 0,
          stream: true,
        }),
      });
      // Hangs up at the first text.
      for await (const _ of response.body!) break;
    }
    const after = await scrape();
    const grown = (outcome: string) =>
      total(after, 'engine_prefix_tokens_total', { outcome }) -
      total(before, 'engine_prefix_tokens_total', { outcome });
    const share = grown('hit') / (grown('hit') + grown('miss'));
    t.ok(share > 0.7, `${share} of the prompts were there`);
    t.equal(await complete(above + typed, BEHIND), await complete(above + typed, BEHIND, {}, 'shop'));
  });

  await t.test("other files of the tenant's repository are shown where they are asked for", async (t) => {
    const client = new OpenAI({ apiKey: keyOf('bank'), baseURL: `${address}/v1`, maxRetries: 0 });
    const store = await client.vectorStores.create({ name: 'Repository' });
    for (const [name, text] of [
      [
        'fees.js',
        '// Fees of an account\n\nexports.computeZigzagPenalty = function (account) {\n  return account.overdrawnDays * 12\n}\n',
      ],
      ['colours.js', "// Colours of the brand\n\nexports.paint = function (wall) {\n  wall.colour = 'blue'\n}\n"],
    ] as const) {
      const file = await client.files.create({ file: await toFile(Buffer.from(text), name), purpose: 'assistants' });
      const attached = await client.vectorStores.files.createAndPoll(store.id, { file_id: file.id });
      t.equal(attached.status, 'completed');
    }
    const above =
      "const fees = require('./fees')\n\n// The penalty fee of an overdrawn account\nfunction penaltyOf(account) {\n  return fees.";
    t.match(
      await complete(above, '\n}\n', { retrieval: { vector_store_ids: [store.id] } }),
      /^computeZigzagPenalty\(account\)/,
    );
    t.notMatch(await complete(above, '\n}\n'), /Zigzag/);
  });
});
