import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Tokenizer } from '@huggingface/tokenizers';
import t from 'tap';

const model = path.resolve('.switchyard/models/smollm2-135m-instruct');
const goldens = path.resolve('tests/parity/goldens');

t.test('the imported tokenizer gives the ids of llama.cpp for 2,000 varied strings', async (t) => {
  const read = (name: string) => JSON.parse(readFileSync(path.join(model, name), 'utf8')) as object;
  const tokenizer = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
  const { cases } = JSON.parse(gunzipSync(readFileSync(path.join(goldens, 'tokens.json.gz'))).toString()) as {
    cases: [text: string, ids: number[]][];
  };
  t.ok(cases.length >= 2000, `${cases.length} strings`);
  const wrong = cases.flatMap(([text, expected]) => {
    const actual = tokenizer.encode(text, { add_special_tokens: false }).ids;
    return actual.join() === expected.join() ? [] : [{ text, expected, actual }];
  });
  t.same(wrong, []);
  const changed = cases.filter(
    ([text, ids]) => ids.length > 0 && tokenizer.decode(ids, { skip_special_tokens: false }) !== text,
  );
  t.same(changed, [], 'decoding gives the text back');
});
