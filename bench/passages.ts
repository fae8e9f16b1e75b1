/**
 * Passages computed once: the time to the first token where all passages of a prompt are known against the same prompt
 * computed in full; how many passage tokens are known after Zipf questions over sample documents; answers a second of
 * eight streams with eight adapters; and what it costs in answers.
 */
import path from 'node:path';
import { loadConfig } from '../src/config/load.js';
import type { AdapterRef } from '../src/contracts/adapter.js';
import type { TextGenerator } from '../src/contracts/generator.js';
import { readDocuments } from '../src/demo/documents.js';
import { DEMO_TENANTS } from '../src/demo/tenants.js';
import { createEngine } from '../src/engine/client.js';
import { readBaseManifest } from '../src/layouts/manifest.js';
import { FENCES } from '../src/pipeline/prompt.js';
import { loadPromptTokenizer } from '../src/tokenizer/process/prompt-tokenizer.js';
import { writeAdapter } from '../tests/fixtures/engine/adapters.js';
import { HANG_TIMEOUT_MS } from '../tests/fixtures/engine/engine.js';
import { inlineTokenizer } from '../tests/fixtures/tokenizer/inline-tokenizer.js';
import { generate, inScratchFolder, median, quantile } from './engine/driver.js';
import type { Bench } from './main.js';
import { evalLoss } from './passages/answers.js';
import { mixed, nearest, passagesOf, promptOf, type Shown, spread, zipf } from './passages/prompts.js';

const STREAMS = 8;
const ANSWER_TOKENS = 32;

type Attention = 'full' | 'block';
/** Gives the time to the first token. */
type Ask = (
  passages: readonly Shown[],
  asked: { attention: Attention; adapter?: AdapterRef; maxTokens: number },
) => Promise<number>;

const run: Bench = async ({ quick, say }) => {
  const config = loadConfig();
  const modelDir = path.join(config.dataDir, 'models', config.models.base);
  const manifest = await readBaseManifest(modelDir);
  const tokenizer = await loadPromptTokenizer(modelDir, manifest, FENCES);
  const { id, assistant } = DEMO_TENANTS[0]!;
  const passages = await passagesOf(readDocuments(assistant!.documents, '.'), config.retrieval, tokenizer.count);
  const shown = passages.map((_, i) => nearest(passages, i));
  say(`${passages.length} passages of ${id}, ${shown[0]!.length} to a prompt`);
  const withEngine = async <T>(use: (ask: Ask, engine: TextGenerator) => Promise<T>): Promise<T> => {
    const engine = await createEngine({
      modelDir,
      settings: config.engine,
      tokenizer: inlineTokenizer(tokenizer),
      calibrationFile: path.join(config.dataDir, 'calibration.json'),
      hangTimeoutMs: HANG_TIMEOUT_MS,
      clock: { now: Date.now, monotonicMs: () => performance.now() },
      log: { info() {}, warn() {} },
    });
    let asked = 0;
    const ask: Ask = async (passages, { attention, adapter = null, maxTokens }) => {
      const messages = promptOf(assistant!.instructions, passages, attention, asked++);
      const finished = await generate(engine, { prompt: { kind: 'chat', messages }, maxTokens, adapter, ends: true });
      return finished.timings.firstTokenMs!;
    };
    try {
      return await use(ask, engine);
    } finally {
      await engine.close();
    }
  };

  const ttft = await withEngine((ask, engine) =>
    firstTokens(
      ask,
      engine,
      spread(shown.length, quick ? 6 : 24).map((i) => shown[i]!),
    ),
  );
  const ms = { full: Math.round(median(ttft.full)), warm: Math.round(median(ttft.warm)) };
  say(`first token: full p50 ${ms.full} ms, all passages known ${ms.warm} ms`);
  const questions = zipf(shown.length, quick ? 100 : 1000, 1).map((i) => shown[i]!);
  const warmShare = await withEngine((ask, engine) => shareKnown(ask, engine, questions));
  say(`passage tokens known: ${(100 * warmShare).toFixed(1)} %`);
  const perS = await inScratchFolder(async (folder) => {
    const adapters = Array.from({ length: STREAMS }, (_, seed) => writeAdapter(folder, manifest, { seed }));
    const questions = zipf(shown.length, quick ? 64 : 160, 2).map((i) => shown[i]!);
    const rate = (attention: Attention) => withEngine((ask) => answersPerS(ask, adapters, questions, attention));
    return { full: await rate('full'), block: await rate('block') };
  });
  say(`answers a second: full ${perS.full.toFixed(2)}, block ${perS.block.toFixed(2)}`);
  const lossPoints = await evalLoss(quick ? 24 : null, say);
  return {
    ttft_full_p50_ms: ms.full,
    ttft_warm_p50_ms: ms.warm,
    ttft_warm_p95_ms: Math.round(quantile(ttft.warm, 0.95)),
    ttft_warm_over_full: rounded(median(ttft.warm) / median(ttft.full)),
    warm_share: rounded(warmShare),
    answers_over_full: rounded(perS.block / perS.full),
    eval_loss_points: rounded(lossPoints),
  };
};
export default run;

/**
 * Each prompt in full and by blocks; then the passages of two of them in one, which stand beside each other for the first
 * time: what is known is each passage, and no beginning of the prompt beyond its instructions.
 */
async function firstTokens(
  ask: Ask,
  engine: TextGenerator,
  prompts: readonly (readonly Shown[])[],
): Promise<{ full: number[]; warm: number[] }> {
  const full: number[] = [];
  const warm: number[] = [];
  for (const passages of prompts) {
    full.push(await ask(passages, { attention: 'full', maxTokens: 1 }));
    await ask(passages, { attention: 'block', maxTokens: 1 });
  }
  let computed = 0;
  const stop = engine.observe((seen) => {
    if (seen.type === 'passage' && !seen.wasKnown) computed++;
  });
  for (const [i, passages] of prompts.entries()) {
    for (const step of [1, 2, 3]) {
      const others = prompts[(i + step) % prompts.length]!;
      warm.push(await ask(mixed(passages, others), { attention: 'block', maxTokens: 1 }));
    }
  }
  stop();
  if (computed > 0) throw new Error(`${computed} passages were computed anew where all were to be known`);
  return { full, warm };
}

/** Of all tokens of passages; those of a prompt whose beginning is known whole count as known. */
async function shareKnown(ask: Ask, engine: TextGenerator, questions: readonly (readonly Shown[])[]): Promise<number> {
  const sizes = new Map<readonly Shown[], number>();
  const placed = { known: 0, all: 0 };
  engine.observe((seen) => {
    if (seen.type !== 'passage') return;
    placed.all += seen.tokens;
    if (seen.wasKnown) placed.known += seen.tokens;
  });
  let known = 0;
  let all = 0;
  for (const passages of questions) {
    Object.assign(placed, { known: 0, all: 0 });
    await ask(passages, { attention: 'block', maxTokens: 1 });
    if (placed.all > 0) sizes.set(passages, placed.all);
    const size = sizes.get(passages)!;
    known += placed.all > 0 ? placed.known : size;
    all += size;
  }
  return known / all;
}

/** All streams at once, each with its adapter; answers that nobody has waited for before the clock starts warm them up. */
async function answersPerS(
  ask: Ask,
  adapters: readonly AdapterRef[],
  questions: readonly (readonly Shown[])[],
  attention: Attention,
): Promise<number> {
  const all = async (some: typeof questions) => {
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

const rounded = (value: number): number => Number(value.toFixed(2));
