import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { AdapterRef } from '../../src/contracts/adapter.js';
import type { TextGenerator } from '../../src/contracts/generator.js';
import { createAdapterCompiler } from '../../src/model-import/lora/compiler.js';
import { assemblePrompt, numberPassages } from '../../src/pipeline/prompt.js';
import { generate, median } from './driver.js';

interface RetrievedQuestion {
  readonly question: string;
  readonly passages: readonly { readonly title: string; readonly text: string }[];
}

/** Questions of the bank's held-out set with what retrieval gave for them. */
const QUESTIONS = JSON.parse(
  readFileSync(new URL('questions.json', import.meta.url), 'utf8'),
) as readonly RetrievedQuestion[];

/** The adapter that the sample tenant is served with. */
export async function tunedAdapter(modelDir: string, dataDir: string): Promise<AdapterRef> {
  const compiler = createAdapterCompiler({ modelDir, dataDir, maxRank: 16 });
  return {
    name: 'northwind-bank',
    version: 2,
    ...(await compiler.compile(`adapters/${basename(modelDir)}/northwind-bank-2`)),
  };
}

/** Tokens a second while an answer is written, over all questions, one after another. */
export async function answersTps(engine: TextGenerator, adapter: AdapterRef): Promise<number> {
  const rates: number[] = [];
  for (const { question, passages } of QUESTIONS) {
    const messages = assemblePrompt({
      instructions: 'You are the support assistant of Northwind Bank.',
      messages: [{ role: 'user', content: question }],
      passages: numberPassages(passages.map(({ title, text }) => ({ headingPath: [title], filename: '', text }))),
    });
    const { completionTokens, timings } = await generate(engine, {
      prompt: { kind: 'chat', messages },
      maxTokens: 96,
      adapter,
      ends: true,
    });
    rates.push(((completionTokens - 1) * 1000) / timings.decodeMs);
  }
  return median(rates);
}
