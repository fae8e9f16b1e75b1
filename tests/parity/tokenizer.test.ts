import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Tokenizer } from '@huggingface/tokenizers';
import t from 'tap';

/** Whether characters are composed first, so that a text comes back composed. */
const COMPOSED = { 'smollm2-135m-instruct': false, 'qwen2.5-coder-0.5b-instruct': true };

for (const [model, composed] of Object.entries(COMPOSED)) {
  t.test(`${model}: the imported tokenizer gives the ids of llama.cpp for 2,000 varied strings`, async (t) => {
    const folder = path.resolve('.switchyard/models', model);
    const read = (name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as object;
    const tokenizer = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
    const golden = path.resolve('tests/parity/goldens/tokens', `${model}.json.gz`);
    const { cases } = JSON.parse(gunzipSync(readFileSync(golden)).toString()) as {
      cases: [text: string, ids: number[]][];
    };
    t.ok(cases.length >= 2000, `${cases.length} strings`);
    const wrong = cases.flatMap(([text, expected]) => {
      const actual = tokenizer.encode(text, { add_special_tokens: false }).ids;
      return actual.join() === expected.join() ? [] : [{ text, expected, actual }];
    });
    t.same(wrong, []);
    const changed = cases.filter(
      ([text, ids]) =>
        ids.length > 0 &&
        tokenizer.decode(ids, { skip_special_tokens: false }) !== (composed ? text.normalize('NFC') : text),
    );
    t.same(changed, [], 'decoding gives the text back');
  });
}
