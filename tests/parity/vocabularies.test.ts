import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Tokenizer } from '@huggingface/tokenizers';
import t from 'tap';
import { readGguf } from '../../src/model-import/gguf/reader.js';
import { tokenizerFromGguf } from '../../src/model-import/gguf/tokenizer.js';
import { encodeGguf } from '../../src/model-import/gguf/writer.js';

interface Vocabulary {
  readonly tokens: string[];
  readonly types: number[];
  readonly merges?: string[];
  readonly scores?: number[];
}

const golden = JSON.parse(
  gunzipSync(readFileSync(path.resolve('tests/parity/goldens/vocabularies.json.gz'))).toString(),
) as {
  vocabularies: Record<'bytes' | 'spm', Vocabulary>;
  texts: string[];
  /** Null: as with gpt-2. */
  ids: Record<string, (number[] | null)[]>;
};

function importedTokenizer(folder: string, kind: string): Tokenizer {
  const { tokens, types, merges, scores } = golden.vocabularies[kind === 'spm' ? 'spm' : 'bytes'];
  const bytes = encodeGguf(
    {
      'tokenizer.ggml.model': kind === 'spm' ? 'llama' : 'gpt2',
      'tokenizer.ggml.pre': kind,
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.token_type': types,
      ...(merges && { 'tokenizer.ggml.merges': merges }),
      ...(scores && { 'tokenizer.ggml.scores': scores }),
    },
    [],
  );
  const file = path.join(folder, 'vocabulary.gguf');
  writeFileSync(file, bytes);
  const gguf = readGguf(file);
  gguf.close();
  const { tokenizerJson, configJson } = tokenizerFromGguf(gguf);
  return new Tokenizer(JSON.parse(tokenizerJson) as object, JSON.parse(configJson) as object);
}

for (const [kind, expected] of Object.entries(golden.ids)) {
  t.test(`${kind}: an imported vocabulary gives the ids of llama.cpp for 2,000 varied strings`, async (t) => {
    const tokenizer = importedTokenizer(t.testdir(), kind);
    const cases = golden.texts.map((text, i) => ({ text, ids: expected[i] ?? golden.ids['gpt-2']![i]! }));
    t.ok(cases.length >= 2000, `${cases.length} strings`);
    const wrong = cases.flatMap(({ text, ids }) => {
      const actual = tokenizer.encode(text, { add_special_tokens: false }).ids;
      return actual.join() === ids.join() ? [] : [{ text, ids, actual }];
    });
    t.same(wrong, []);

    // A section behind a special token begins with a blank that is not in the text.
    const added = new Set([...tokenizer.get_added_tokens_decoder().keys()]);
    const whole = cases.filter(({ ids }) => ids.length > 0 && !(kind === 'spm' && ids.some((id) => added.has(id))));
    t.ok(whole.length > 1000);
    const changed = whole.filter(({ text, ids }) => {
      const decoded = tokenizer.decode(ids, { skip_special_tokens: false });
      return decoded !== (kind === 'qwen2' ? text.normalize('NFC') : text);
    });
    t.same(changed, [], 'decoding gives the text back');
  });
}
