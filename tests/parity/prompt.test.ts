import { readFileSync } from 'node:fs';
import t from 'tap';
import type { ChatMessage } from '../../src/contracts/engine.js';
import { loadTokenizer } from '../../src/engine/tokenizer.js';
import { assemblePrompt } from '../../src/pipeline/prompt.js';
import { MODEL_DIR, readModelManifest } from '../fixtures/engine/engine.js';

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

t.test('the gateway gives the model what the adapters were trained on, token for token', async (t) => {
  const file = new URL('../../adapters/train/prompt-golden.json', import.meta.url);
  const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden[];
  const tokenizer = await loadTokenizer(MODEL_DIR, readModelManifest());
  t.ok(golden.length > 0);
  for (const { name, instructions, callerSystem, passages, history, question, text, tokenIds } of golden) {
    const system: ChatMessage[] = callerSystem === null ? [] : [{ role: 'system', content: callerSystem }];
    const messages = assemblePrompt(
      {
        instructions,
        messages: [...system, ...history, { role: 'user', content: question }],
        passages: passages.map(({ title, text }) => ({ headingPath: [title], filename: 'unused.md', text })),
      },
      tokenizer.neutralize,
    );
    const chatMl = messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('');
    t.equal(`${chatMl}<|im_start|>assistant\n`, text, name);
    t.same([...tokenizer.encode({ kind: 'chat', messages })], tokenIds, `${name}: its tokens`);
  }
});
