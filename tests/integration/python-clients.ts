/** The clients of Python against any gateway, as `client-suite.ts` does it for those of JavaScript. */
import { resolve } from 'node:path';
import cl100k from 'js-tiktoken/ranks/cl100k_base';
import type { Test } from 'tap';
import { installPython } from '../python/packages.js';
import { runChild } from './child.js';
import type { Gateway } from './client-suite.js';

const SCRIPT = resolve(import.meta.dirname, '../python/clients.py');
const CHECKS = [
  ...['answers', 'choices', 'routing', 'errors', 'documents', 'batches', 'embeddings', 'langchain'],
  ...['responses', 'claude_messages'],
];
/** Where tiktoken looks before it fetches the vocabulary of cl100k_base: the SHA-1 of the address. */
const CACHED_VOCABULARY = '9b5ad71b2ce5302211f9c61530b329a4922fc6a4';

/** @param further checks that need the real models */
export async function pythonClients(t: Test, gateway: Gateway, further: readonly string[] = []): Promise<void> {
  const { address, key, embedder, dimensions } = gateway;
  const checks = [...CHECKS, ...further];
  await t.test('openai, Anthropic and LangChain in Python', async (t) => {
    const packages = installPython('requirements.txt');
    // A temporary home: neither library may find settings of whoever runs the tests.
    const home = t.testdir({ [CACHED_VOCABULARY]: vocabularyFile() });
    const output = await runChild('python3', [SCRIPT, address, key, embedder, String(dimensions), ...checks], {
      env: { PATH: process.env.PATH, HOME: home, PYTHONPATH: packages, TMPDIR: home, TIKTOKEN_CACHE_DIR: home },
    });
    for (const check of checks) t.match(output, `ok ${check}`);
  });
}

/** The file that tiktoken would fetch, which checks it: each token with its id. */
function vocabularyFile(): string {
  return cl100k.bpe_ranks
    .split('\n')
    .flatMap((line) => {
      const [, first, ...tokens] = line.split(' ');
      return tokens.map((token, index) => `${token} ${Number(first) + index}\n`);
    })
    .join('');
}
