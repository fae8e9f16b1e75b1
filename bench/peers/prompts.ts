import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ModelManifest } from '../../src/contracts/model-manifest.js';
import { loadPromptTokenizer } from '../../src/tokenizer/process/prompt-tokenizer.js';

const DOCUMENTS = path.resolve(import.meta.dirname, '../../indexes');
/** Tokens between the beginnings of two prompts; prime, so that they meet late. */
const STRIDE = 1009;

/**
 * Prompts of exactly so many tokens out of the sample documents. No two begin at the same place, so that no prefix cache
 * helps anybody.
 */
export async function createPrompts(
  modelDir: string,
  manifest: ModelManifest,
  longest: number,
): Promise<(tokens: number) => readonly number[]> {
  const tokenizer = await loadPromptTokenizer(modelDir, manifest, []);
  const files = readdirSync(DOCUMENTS, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md'));
  const text = files.sort().map((file) => readFileSync(path.join(DOCUMENTS, file), 'utf8'));
  const ids = tokenizer.encode({ kind: 'text', text: text.join('\n\n') });
  const starts = ids.length - longest;
  let given = 0;
  return (tokens) => {
    if (given === starts) throw new Error('the documents are used up');
    const start = (given++ * STRIDE) % starts;
    return ids.slice(start, start + tokens);
  };
}
