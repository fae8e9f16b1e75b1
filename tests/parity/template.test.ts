import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Tokenizer } from '@huggingface/tokenizers';
import t from 'tap';
import type { ChatMessage } from '../../src/contracts/prompt.js';
import { FENCES } from '../../src/pipeline/prompt.js';
import { compileTemplate } from '../../src/tokenizer/process/compile-template.js';
import { loadPromptTokenizer } from '../../src/tokenizer/process/prompt-tokenizer.js';

interface GoldenMessage extends Pick<ChatMessage, 'role' | 'content'> {
  readonly tool_calls?: readonly { readonly function: { readonly name: string; readonly arguments: object } }[];
}

interface Golden {
  readonly messages: readonly GoldenMessage[];
  readonly tools:
    | readonly { readonly function: { name: string; description: string; parameters: Record<string, unknown> } }[]
    | null;
  readonly text: string;
}

for (const model of ['smollm2-135m-instruct', 'qwen2.5-coder-0.5b-instruct']) {
  t.test(`${model}: the imported chat template gives what Jinja gives, tools and calls included`, async (t) => {
    const file = path.resolve('.switchyard/models', model, 'tokenizer_config.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
    const golden = path.resolve('tests/parity/goldens/templates', `${model}.json.gz`);
    const cases = JSON.parse(gunzipSync(readFileSync(golden)).toString()) as Golden[];
    const render = compileTemplate(config.chat_template!);
    const { bos_token, eos_token } = config;
    const wrong = cases.flatMap(({ messages, tools, text }) => {
      const values = { messages, tools, add_generation_prompt: true, bos_token, eos_token };
      const actual = render(values);
      return actual === text ? [] : [{ messages, text, actual }];
    });
    t.ok(cases.length >= 400);
    t.same(wrong, []);
  });
}

t.test('tools, calls and results reach the model with the tokens of the whole rendered prompt', async (t) => {
  const folder = path.resolve('.switchyard/models/qwen2.5-coder-0.5b-instruct');
  const read = (file: string) => JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
  const tokenizer = await loadPromptTokenizer(folder, read('manifest.json'), FENCES);
  const library = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
  const golden = path.resolve('tests/parity/goldens/templates/qwen2.5-coder-0.5b-instruct.json.gz');
  const cases = JSON.parse(gunzipSync(readFileSync(golden)).toString()) as Golden[];
  const ordinary = cases.filter(
    ({ messages, tools }) => tools !== null && !/<\|im_start|<\/?tool|<filename/.test(JSON.stringify(messages)),
  );
  t.ok(ordinary.length > 50, `${ordinary.length} chats`);
  for (const { messages, tools, text } of ordinary) {
    const prompt = {
      kind: 'chat' as const,
      tools: tools!.map(({ function: definition }) => ({ ...definition, strict: false })),
      messages: messages.map(({ role, content, tool_calls: calls }) => ({
        role,
        content,
        ...(calls && {
          toolCalls: calls.map(({ function: { name, arguments: args } }) => ({
            id: 'call_1',
            name,
            arguments: JSON.stringify(args),
          })),
        }),
        ...(role === 'tool' && { toolCallId: 'call_1' }),
      })),
    };
    t.same([...tokenizer.encode(prompt)], library.encode(text, { add_special_tokens: false }).ids);
  }
});

type Chat = Pick<Golden, 'messages' | 'tools'>;

/** null: the template refuses the chat. */
function render(template: string, chats: readonly Chat[]): (string | null)[] {
  const compiled = compileTemplate(template);
  return chats.map(({ messages, tools }) => {
    const values = { messages, ...(tools && { tools }), bos_token: '<s>', eos_token: '</s>' };
    try {
      return compiled({ ...values, add_generation_prompt: true });
    } catch {
      return null;
    }
  });
}

function golden<T>(file: string): T {
  return JSON.parse(gunzipSync(readFileSync(path.resolve('tests/parity/goldens', file))).toString()) as T;
}

t.test('chats in the formats of eight families are rendered as Jinja renders them, and refused as there', async (t) => {
  const { chats, formats } = golden<{
    chats: Chat[];
    formats: Record<string, { template: string; texts: (string | null)[] }>;
  }>('chat-formats.json.gz');
  t.equal(Object.keys(formats).length, 8);
  for (const [name, { template, texts }] of Object.entries(formats)) {
    t.ok(texts.filter(Boolean).length >= 5, name);
    t.same(render(template, chats), texts, name);
  }
});

// Of llama.cpp's sources, which `npm run bench -- peers` leaves there; they are others' work, and not in this repository.
const PUBLISHED =
  process.env.SWITCHYARD_TEMPLATES ??
  path.resolve('bench/peers/.installed/llama-cpp/source/llama.cpp/models/templates');
const skip = !existsSync(PUBLISHED) && `${PUBLISHED} is not there: SWITCHYARD_TEMPLATES names a folder`;
t.test('so are chats with the templates that eight models are published with', { skip }, async (t) => {
  const { chats, texts } = golden<{ chats: Chat[]; texts: Record<string, (string | null)[]> }>(
    'published-templates.json.gz',
  );
  t.equal(Object.keys(texts).length, 8);
  for (const [name, expected] of Object.entries(texts)) {
    t.same(render(readFileSync(path.join(PUBLISHED, `${name}.jinja`), 'utf8'), chats), expected, name);
  }
});
