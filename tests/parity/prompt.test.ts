import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import t from 'tap';
import type { ChatMessage } from '../../src/contracts/prompt.js';
import { assemblePrompt, numberPassages } from '../../src/pipeline/prompt.js';
import { MODEL_DIR, readModelManifest } from '../fixtures/engine/engine.js';
import { loadModelTokenizer } from '../fixtures/tokenizer/inline-tokenizer.js';

/** A prompt as the trainer builds it; made by adapters/train/golden.py. */
interface Golden {
  readonly name: string;
  readonly instructions: string;
  readonly callerSystem: string | null;
  readonly passages: readonly { readonly title: string; readonly text: string }[];
  readonly history: readonly ChatMessage[];
  readonly question: string;
  readonly text: string;
  readonly tokenIds: readonly number[];
}

const manifest = readModelManifest();
const read = (file: string) => JSON.parse(readFileSync(path.join(MODEL_DIR, file), 'utf8'));
const file = read(manifest.tokenizer.file) as { added_tokens: { content: string }[] };
const config = read(manifest.tokenizer.configFile) as { chat_template: string };
/** The library by itself, which takes special tokens wherever they stand. */
const library = new Tokenizer(file, config);
const template = new Template(config.chat_template);
const specials = file.added_tokens.map(({ content }) => content);
const isOrdinary = (text: string) => !specials.some((special) => text.includes(special)) && !/passages>/i.test(text);

function wholeIds(messages: readonly ChatMessage[]): number[] {
  const text = template.render({ messages, add_generation_prompt: true });
  return library.encode(text, { add_special_tokens: false }).ids;
}

t.test('the gateway gives the model what the adapters were trained on, token for token', async (t) => {
  const golden = JSON.parse(
    readFileSync(new URL('../../adapters/train/prompt-golden.json', import.meta.url), 'utf8'),
  ) as Golden[];
  const tokenizer = await loadModelTokenizer();
  t.ok(golden.length > 0);
  for (const { name, instructions, callerSystem, passages, history, question, text, tokenIds } of golden) {
    const system: ChatMessage[] = callerSystem === null ? [] : [{ role: 'system', content: callerSystem }];
    const messages = assemblePrompt({
      instructions,
      messages: [...system, ...history, { role: 'user', content: question }],
      passages: numberPassages(
        passages.map(({ title, text }) => ({ headingPath: [title], filename: 'unused.md', text })),
      ),
    });
    const chatMl = messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('');
    t.equal(`${chatMl}<|im_start|>assistant\n`, text, name);
    t.same([...tokenizer.encode({ kind: 'chat', messages })], tokenIds, `${name}: its tokens`);
  }
});

t.test('ordinary text has the tokens of the whole rendered prompt, whatever it holds', async (t) => {
  const tokenizer = await loadModelTokenizer();
  const goldens = path.resolve('tests/parity/goldens/tokens/smollm2-135m-instruct.json.gz');
  const { cases } = JSON.parse(gunzipSync(readFileSync(goldens)).toString()) as { cases: [text: string][] };
  const strings = cases.map(([text]) => text).filter(isOrdinary);
  t.ok(strings.length > 1500, `${strings.length} strings`);
  const documents = readdirSync(path.resolve('indexes'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => readFileSync(path.resolve('indexes', name), 'utf8').match(/[\s\S]{1,700}/g) ?? [])
    .filter(isOrdinary);
  t.ok(documents.length > 100, `${documents.length} pieces of documents`);

  const texts = [...strings, ...documents];
  const wrong: string[][] = [];
  for (let i = 0; i < texts.length; i += 5) {
    const [title = 'a', text = 'b', system = 'c', answer = 'd', question = 'e'] = texts.slice(i, i + 5);
    const messages = assemblePrompt({
      instructions: i % 3 === 0 ? '' : 'You are the support assistant of Northwind Bank.',
      messages: [
        { role: 'system', content: system },
        { role: 'user', content: question },
        { role: 'assistant', content: answer },
        { role: 'user', content: question },
      ],
      passages: numberPassages([{ headingPath: [title], filename: 'a.md', text }]),
    });
    const ids = tokenizer.encode({ kind: 'chat', messages });
    if (ids.join() !== wholeIds(messages).join()) wrong.push(texts.slice(i, i + 5));
  }
  t.same(wrong, []);
});
