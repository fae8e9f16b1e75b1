import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Template } from '@huggingface/jinja';
import t from 'tap';

interface Golden {
  readonly messages: readonly object[];
  readonly tools: readonly object[] | null;
  readonly text: string;
}

for (const model of ['smollm2-135m-instruct', 'qwen2.5-coder-0.5b-instruct']) {
  t.test(`${model}: the imported chat template gives what Jinja gives, tools and calls included`, async (t) => {
    const file = path.resolve('.switchyard/models', model, 'tokenizer_config.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
    const golden = path.resolve('tests/parity/goldens/templates', `${model}.json.gz`);
    const cases = JSON.parse(gunzipSync(readFileSync(golden)).toString()) as Golden[];
    const template = new Template(config.chat_template!);
    const { bos_token, eos_token } = config;
    const wrong = cases.flatMap(({ messages, tools, text }) => {
      const values = { messages, tools, add_generation_prompt: true, bos_token, eos_token };
      const actual = template.render(values);
      return actual === text ? [] : [{ messages, text, actual }];
    });
    t.ok(cases.length >= 400);
    t.same(wrong, []);
  });
}
