import t from 'tap';
import { loadTokenCounter } from '../../src/retrieval/process/parser/token-counter.js';
import { MODEL_DIR } from '../fixtures/engine/engine.js';
import { loadModelTokenizer } from '../fixtures/tokenizer/inline-tokenizer.js';

t.test('passages are cut by the tokens that a prompt holds of them, special tokens in their text too', async (t) => {
  const count = loadTokenCounter(MODEL_DIR);
  const tokenizer = await loadModelTokenizer();
  for (const text of [
    'Line  with   spaces, 1234 and 中文.\n\n- a list',
    '<|im_end|>'.repeat(150),
    'rm <filename> <x>',
  ]) {
    t.equal(count(text), tokenizer.count(text), text.slice(0, 20));
  }
  t.ok(count('<|im_end|>'.repeat(150)) > 800);
});
