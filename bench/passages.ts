/**
 * Passages computed once: the time to the first token where all passages of a prompt are known against the same prompt
 * computed in full; how many passage tokens are known after Zipf questions over sample documents; answers a second of
 * eight streams with eight adapters. What it costs in quality: `npm run eval` and docs/decisions/0065.
 */
import path from 'node:path';
import { loadConfig } from '../src/config/load.js';
import type { AdapterRef } from '../src/contracts/adapter.js';
import type { TextGenerator } from '../src/contracts/generator.js';
import { readDocuments } from '../src/demo/documents.js';
import { DEMO_TENANTS } from '../src/demo/tenants.js';
import { createEngine } from '../src/engine/client.js';
import { createRandom } from '../src/engine/process/random.js';
import { readBaseManifest } from '../src/layouts/manifest.js';
import { assemblePrompt, FENCES, numberPassages } from '../src/pipeline/prompt.js';
import { chunkFile, type FilePassage } from '../src/retrieval/chunking/chunk-file.js';
import { loadPromptTokenizer } from '../src/tokenizer/process/prompt-tokenizer.js';
import { writeAdapter } from '../tests/fixtures/engine/adapters.js';
import { HANG_TIMEOUT_MS } from '../tests/fixtures/engine/engine.js';
import { inlineTokenizer } from '../tests/fixtures/tokenizer/inline-tokenizer.js';
import { generate, inScratchFolder, median, quantile } from './engine/driver.js';
import type { Bench } from './main.js';

const SHOWN = 6;
const STREAMS = 8;
const ANSWER_TOKENS = 32;
/** A prompt is asked for so often with its passages known. */
const REPEATS = 3;

type Attention = 'full' | 'block';
type Ask = (
  question: number,
  asked: { attention: Attention; adapter?: AdapterRef; maxTokens: number },
) => Promise<number>;

const run: Bench = async ({ quick, say }) => {
  const config = loadConfig();
  const modelDir = path.join(config.dataDir, 'models', config.models.base);
  const manifest = await readBaseManifest(modelDir);
  const tokenizer = await loadPromptTokenizer(modelDir, manifest, FENCES);
  const { id, assistant } = DEMO_TENANTS[0]!;
  const passages = await passagesOf(readDocuments(assistant!.documents, '.'), config.retrieval, tokenizer.count);
  say(`${passages.length} passages of ${id}, ${SHOWN} to a prompt`);
  const start = () =>
    createEngine({
      modelDir,
      settings: config.engine,
      tokenizer: inlineTokenizer(tokenizer),
      calibrationFile: path.join(config.dataDir, 'calibration.json'),
      hangTimeoutMs: HANG_TIMEOUT_MS,
      clock: { now: Date.now, monotonicMs: () => performance.now() },
      log: { info() {}, warn() {} },
    });
  const withEngine = async <T>(use: (engine: TextGenerator, ask: Ask) => Promise<T>): Promise<T> => {
    const engine = await start();
    let asked = 0;
    const ask: Ask = async (question, { attention, adapter = null, maxTokens }) => {
      const messages = assemblePrompt({
        instructions: assistant!.instructions,
        messages: [{ role: 'user', content: `What is said of ${titleOf(passages[question]!)}? (${asked++})` }],
        passages: numberPassages(nearest(passages, question)),
        apart: attention === 'block',
      });
      const finished = await generate(engine, { prompt: { kind: 'chat', messages }, maxTokens, adapter, ends: true });
      return finished.timings.firstTokenMs!;
    };
    try {
      return await use(engine, ask);
    } finally {
      await engine.close();
    }
  };

  const ttft = await withEngine((_, ask) => firstTokens(ask, spread(passages.length, quick ? 4 : 16)));
  say(
    `first token: full p50 ${Math.round(median(ttft.full))} ms, all passages known ${Math.round(median(ttft.warm))} ms`,
  );
  const warmShare = await withEngine((engine, ask) => shareKnown(engine, ask, passages.length, quick ? 100 : 1000));
  const perS = await inScratchFolder((folder) => {
    const adapters = Array.from({ length: STREAMS }, (_, seed) => writeAdapter(folder, manifest, { seed }));
    const rate = (attention: Attention) =>
      withEngine((_, ask) => answersPerS(ask, adapters, zipf(passages.length, quick ? 32 : 160, 2), attention));
    return rate('full').then(async (full) => ({ full, block: await rate('block') }));
  });
  say(`answers a second: full ${perS.full.toFixed(2)}, block ${perS.block.toFixed(2)}`);
  return {
    ttft_full_p50_ms: Math.round(median(ttft.full)),
    ttft_warm_p50_ms: Math.round(median(ttft.warm)),
    ttft_warm_p95_ms: Math.round(quantile(ttft.warm, 0.95)),
    ttft_warm_over_full: rounded(median(ttft.warm) / median(ttft.full)),
    warm_share: rounded(warmShare),
    answers_over_full: rounded(perS.block / perS.full),
  };
};
export default run;

/** Each question once in full and, its passages known, several times by blocks. No two prompts are the same. */
async function firstTokens(ask: Ask, questions: readonly number[]): Promise<{ full: number[]; warm: number[] }> {
  const full: number[] = [];
  const warm: number[] = [];
  for (const question of questions) {
    full.push(await ask(question, { attention: 'full', maxTokens: 1 }));
    await ask(question, { attention: 'block', maxTokens: 1 });
    for (let i = 0; i < REPEATS; i++) warm.push(await ask(question, { attention: 'block', maxTokens: 1 }));
  }
  return { full, warm };
}

async function shareKnown(engine: TextGenerator, ask: Ask, passages: number, questions: number): Promise<number> {
  let known = 0;
  let all = 0;
  engine.observe((seen) => {
    if (seen.type !== 'passage') return;
    all += seen.tokens;
    if (seen.wasKnown) known += seen.tokens;
  });
  for (const question of zipf(passages, questions, 1)) await ask(question, { attention: 'block', maxTokens: 1 });
  return known / all;
}

/** All streams at once, each with its adapter; answers that nobody has waited for before the clock starts warm them up. */
async function answersPerS(
  ask: Ask,
  adapters: readonly AdapterRef[],
  questions: readonly number[],
  attention: Attention,
): Promise<number> {
  const all = async (some: readonly number[]) => {
    let next = 0;
    const stream = async (adapter: AdapterRef) => {
      while (next < some.length) await ask(some[next++]!, { attention, adapter, maxTokens: ANSWER_TOKENS });
    };
    await Promise.all(adapters.map(stream));
  };
  const half = questions.length / 2;
  await all(questions.slice(0, half));
  const startedMs = performance.now();
  await all(questions.slice(half));
  return (1000 * half) / (performance.now() - startedMs);
}

type Shown = Pick<FilePassage, 'headingPath' | 'text'> & {
  readonly filename: string;
  readonly words: ReadonlySet<string>;
};

async function passagesOf(
  documents: ReturnType<typeof readDocuments>,
  { passageTokens, overlapTokens }: { readonly passageTokens: number; readonly overlapTokens: number },
  count: (text: string) => number,
): Promise<Shown[]> {
  const shown: Shown[] = [];
  for (const { filename, content } of documents) {
    for (const { headingPath, text } of await chunkFile(
      { filename, content },
      { budgetTokens: passageTokens, overlapTokens },
      count,
    )) {
      shown.push({ headingPath, text, filename, words: new Set(text.toLowerCase().match(/\p{L}{4,}/gu)) });
    }
  }
  return shown;
}

const titleOf = ({ headingPath, filename }: Shown): string => headingPath.at(-1) ?? filename;

/** The passage that is asked for first, then those that share most words with it. */
function nearest(passages: readonly Shown[], asked: number): Shown[] {
  const { words } = passages[asked]!;
  const likeness = (other: Shown) =>
    [...other.words].filter((word) => words.has(word)).length / Math.sqrt(other.words.size || 1);
  const others = passages.filter((_, i) => i !== asked).toSorted((a, b) => likeness(b) - likeness(a));
  return [passages[asked]!, ...others.slice(0, SHOWN - 1)];
}

const spread = (length: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.floor((i * length) / count));

/** Numbers below `length`, of which few come often: the n-th of a shuffled order with a probability that falls as 1/n. */
function zipf(length: number, count: number, seed: number): number[] {
  const random = createRandom(seed);
  const order = Array.from({ length }, (_, i) => ({ i, at: random() })).toSorted((a, b) => a.at - b.at);
  const weights = order.map((_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Array.from({ length: count }, () => {
    let left = random() * total;
    const rank = weights.findIndex((weight) => {
      left -= weight;
      return left <= 0;
    });
    return order[Math.max(0, rank)]!.i;
  });
}

const rounded = (value: number): number => Number(value.toFixed(2));
