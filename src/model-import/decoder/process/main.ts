/** Tries a tokenizer and a chat template, and ends: forked by model-import/decoder/try-tokenizer.ts. */
import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import type { TokenizerTrial, TrialReport } from '../try-tokenizer.js';

interface Config {
  readonly chat_template?: string;
  readonly bos_token: string | null;
  readonly eos_token: string | null;
}

const QUESTION = 'A question.';
const say = (report: TrialReport) => new Promise((resolve) => process.send!(report, undefined, undefined, resolve));

process.on('disconnect', () => process.exit(0));
process.once('message', async ({ tokenizerJson, configJson }: TokenizerTrial) => {
  const config = JSON.parse(configJson) as Config;
  try {
    await say({ trying: 'tokenizer' });
    new Tokenizer(JSON.parse(tokenizerJson) as object, config).encode('A text of 3 words.');
    if (config.chat_template !== undefined) {
      await say({ trying: 'chat template' });
      const rendered = render(config.chat_template, config);
      if (!rendered.includes(QUESTION)) throw new Error('it leaves out what the user says');
    }
    await say({ over: true });
  } catch (error) {
    await say({ problem: String(error) });
  }
});

function render(template: string, { bos_token: bos, eos_token: eos }: Config): string {
  return new Template(template).render({
    messages: [{ role: 'user', content: QUESTION }],
    add_generation_prompt: true,
    bos_token: bos ?? '',
    eos_token: eos ?? '',
  });
}
