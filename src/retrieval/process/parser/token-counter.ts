import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';

/**
 * Counts tokens as a prompt will hold them: special tokens that a document writes are plain text there. `@huggingface/tokenizers` is what
 * `@huggingface/transformers` is built on; the whole would map onnxruntime into every parser.
 */
export function loadTokenCounter(baseModelDir: string): (text: string) => number {
  const read = (file: string) => JSON.parse(readFileSync(join(baseModelDir, file), 'utf8'));
  const file = { ...read('tokenizer.json'), added_tokens: [] };
  const tokenizer = new Tokenizer(file, read('tokenizer_config.json'));
  return (text) => tokenizer.encode(text, { add_special_tokens: false }).ids.length;
}
