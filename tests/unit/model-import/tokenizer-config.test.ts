import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import type { ModelManifest } from '../../../src/contracts/model-manifest.js';
import { AppError } from '../../../src/errors/app-error.js';
import { type TrialLimits, tryTokenizer } from '../../../src/model-import/decoder/try-tokenizer.js';
import type { GgufInput } from '../../../src/model-import/gguf/writer.js';
import { importModel } from '../../../src/model-import/models.js';
import { loadPromptTokenizer } from '../../../src/tokenizer/process/prompt-tokenizer.js';
import { type TinyCase, tinyGgufTensors, tinyMetadata, writeTinyFolder } from '../../parity/tiny-weights.js';
import { formNamed } from './block-forms.js';
import { writeGguf } from './write-gguf.js';

const golden = JSON.parse(
  gunzipSync(readFileSync(path.resolve('tests/parity/goldens/architectures.json.gz'))).toString(),
) as { cases: Record<string, TinyCase> };
const llama = golden.cases['llama, tied']!;

const ASKS = "{% for m in messages %}t1{{ m['content'] }}{% endfor %}t2";

/** Imports a tiny folder with these values in its tokenizer_config.json, and loads its tokenizer as a start does. */
async function startWith(t: Test, config: object) {
  const dataDir = t.testdir();
  const source = path.join(dataDir, 'source');
  writeTinyFolder(source, llama);
  writeFileSync(path.join(source, 'tokenizer_config.json'), JSON.stringify({ eos_token: '<|end|>', ...config }));
  const manifest = (await importModel(source, dataDir)) as ModelManifest;
  const folder = path.join(dataDir, 'models/source');
  const written = JSON.parse(readFileSync(path.join(folder, 'tokenizer_config.json'), 'utf8')) as object;
  const tokenizerJson = readFileSync(path.join(folder, 'tokenizer.json'), 'utf8');
  return { written, tokenizerJson, tokenizer: await loadPromptTokenizer(folder, manifest, []) };
}

const chat = { kind: 'chat', messages: [{ role: 'user', content: 't3' }] } as const;

t.test('a folder without a chat template, or with null for one, starts as a model without chats', async (t) => {
  for (const config of [{}, { chat_template: null }]) {
    const { tokenizer } = await startWith(t, config);
    t.throws(() => tokenizer.encode(chat), { code: 'invalid_value', message: /no chat template/ });
  }
});

t.test('of a list of templates the default serves, or else the one for tools', async (t) => {
  const other = { name: 'rag', template: 't9' };
  for (const name of ['default', 'tool_use']) {
    const { written } = await startWith(t, { chat_template: [other, { name, template: ASKS }] });
    t.match(written, { chat_template: ASKS }, name);
  }
});

t.test('special tokens that are objects are written as their text', async (t) => {
  const object = { __type: 'AddedToken', content: 't5', lstrip: false };
  const { written, tokenizer } = await startWith(t, {
    bos_token: object,
    eos_token: { content: '<|end|>' },
    chat_template: `{{ bos_token }}${ASKS}`,
  });
  t.match(written, { bos_token: 't5', eos_token: '<|end|>' });
  t.same([...tokenizer.encode(chat)], [5, 1, 3, 2]);
});

const REFUSED: Record<string, [object, RegExp]> = {
  'a list without a template that is known': [{ chat_template: [{ name: 'rag', template: ASKS }] }, /named default/],
  'a number for a template': [{ chat_template: 5 }, /neither a text nor a list/],
  'a template that cannot be read': [{ chat_template: '{% for %}' }, /chat template cannot be used/],
  'a template that drops the question': [{ chat_template: 'Hello' }, /leaves out what the user says/],
};
for (const [what, [config, reason]] of Object.entries(REFUSED)) {
  t.test(`${what} is refused by the import, not by the start`, async (t) => {
    await t.rejects(startWith(t, config), { code: 'model_invalid', message: reason });
  });
}

t.test('a GGUF file with a template that is no text is refused, too', async (t) => {
  const dataDir = t.testdir();
  const source = path.join(dataDir, 'tiny.gguf');
  const metadata: Record<string, GgufInput> = { ...tinyMetadata(llama), 'tokenizer.chat_template': 7 };
  writeGguf(source, metadata, tinyGgufTensors(llama, formNamed('F32')));
  await t.rejects(importModel(source, dataDir), { code: 'model_invalid', message: /chat template is neither/ });
});

t.test(
  'a template ends by time or memory where it would not end, and one that is too large is not looked at',
  async (t) => {
    const invalid = (reason: string) => new AppError('model_invalid', { file: 'f', reason });
    const { written, tokenizerJson } = await startWith(t, { chat_template: ASKS });
    const endless =
      '{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}';
    const huge = '{% set all = range(99999999) %}{{ messages[0].content }}';
    const attempt = (template: string, limits?: TrialLimits) =>
      tryTokenizer(
        { tokenizerJson, configJson: JSON.stringify({ ...written, chat_template: template }) },
        invalid,
        limits,
      );
    await t.resolves(attempt(ASKS));
    await t.rejects(attempt(endless, { ms: 500, heapMiB: 256 }), {
      message: /its chat template cannot be used \(it takes more than 0.5 s\)/,
    });
    await t.rejects(attempt(huge, { ms: 60_000, heapMiB: 64 }), {
      code: 'model_invalid',
      message: /its chat template cannot be used \(it takes more than 64 MiB of memory\)/,
    });
    await t.rejects(startWith(t, { chat_template: 'x'.repeat(2 ** 20 + 1) }), {
      code: 'model_invalid',
      message: /its chat template has 1048577 bytes, at most 1048576 are accepted/,
    });
  },
);
