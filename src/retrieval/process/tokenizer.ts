import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Tokenizer } from '@huggingface/tokenizers';
import { openUnigram, type TextTokenizer, type UnigramTables } from './unigram.js';
import { unigramTables } from './unigram-tables.js';

/** A file of that many bytes is read in a thread; the default's has 0.7 MB, that of a vocabulary of many languages 9. */
const LARGE_BYTES = 2 * 2 ** 20;

/** Opens the tokenizer in a model's folder. Searches go on meanwhile, also where the vocabulary is large. */
export async function openTokenizer(folder: string): Promise<TextTokenizer> {
  const file = join(folder, 'tokenizer.json');
  const read = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
  const { size } = await stat(file);
  const json = size > LARGE_BYTES ? null : await read(file);
  const tables = json === null ? await tablesApart(file) : unigramTables(json);
  if (tables) return openUnigram(tables);
  return new Tokenizer(json ?? (await read(file)), await read(join(folder, 'tokenizer_config.json')));
}

function tablesApart(file: string): Promise<UnigramTables | null> {
  const thread = new Worker(new URL('unigram-thread.js', import.meta.url), { workerData: file });
  return new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the thread that reads ${file} ended with exit code ${code}`)));
  });
}
