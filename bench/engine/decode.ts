import type { AdapterRef } from '../../src/contracts/adapter.js';
import type { TextGenerator } from '../../src/contracts/generator.js';
import { freshPrompt, generate, median, quantile } from './driver.js';

/** About a question with three passages. */
const PROMPT_TOKENS = 250;

/** Tokens a second of all streams together, by the median of the steps in which all of them decode. */
export async function decodeTps(
  engine: TextGenerator,
  adapters: readonly (AdapterRef | null)[],
  answerTokens: number,
): Promise<number> {
  const stepsMs: number[] = [];
  const stop = engine.observe((observation) => {
    if (observation.type !== 'step' || observation.kind !== 'decode') return;
    if (observation.rows === adapters.length) stepsMs.push(observation.durationMs);
  });
  // Prompts are computed one after another, each in some twenty steps beside the answers before it; the first rows must still be there when the last one starts.
  const maxTokens = answerTokens + 20 * adapters.length;
  await Promise.all(
    adapters.map((adapter) => generate(engine, { prompt: freshPrompt(PROMPT_TOKENS), maxTokens, adapter })),
  );
  stop();
  if (stepsMs.length < answerTokens / 2) throw new Error('the rows hardly decoded together');
  return (adapters.length * 1000) / median(stepsMs);
}

export async function prefillTps(engine: TextGenerator, tokens: number, adapter: AdapterRef | null): Promise<number> {
  const { timings } = await generate(engine, { prompt: freshPrompt(tokens), maxTokens: 1, adapter });
  return (tokens * 1000) / timings.prefillMs;
}

/** How much later the first token comes by an adapter that is in memory but not in the bank. */
export async function coldAdapterExtraMs(
  engine: TextGenerator,
  resident: AdapterRef,
  others: readonly AdapterRef[],
  rounds: number,
): Promise<number> {
  const firstTokenMs = async (adapter: AdapterRef) =>
    (await generate(engine, { prompt: freshPrompt(PROMPT_TOKENS), maxTokens: 1, adapter })).timings.firstTokenMs!;
  const extra: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // Those that were used longest ago have left the bank by now.
    const cold = await firstTokenMs(others[round % others.length]!);
    await firstTokenMs(resident);
    extra.push(cold - (await firstTokenMs(resident)));
  }
  return median(extra);
}

/** Gap between two tokens of a stream, at the 95th percentile, while prompts of 1,500 tokens are computed. */
export async function decodeGapP95Ms(engine: TextGenerator, prompts: number): Promise<number> {
  const arrivals: number[] = [];
  let busy = true;
  const stream = generate(engine, {
    prompt: freshPrompt(PROMPT_TOKENS),
    maxTokens: 400,
    tenant: 'stream',
    onDelta: () => busy && arrivals.push(performance.now()),
  });
  await Promise.all(
    Array.from({ length: prompts }, () => generate(engine, { prompt: freshPrompt(1500), maxTokens: 1 })),
  );
  busy = false;
  await stream;
  const gaps = arrivals.slice(1).map((at, i) => at - arrivals[i]!);
  return quantile(gaps, 0.95);
}

/** Tokens a second of eight callers who ask one after another, each time by an adapter that `next` draws. */
export async function trafficTps(engine: TextGenerator, requests: number, next: () => AdapterRef): Promise<number> {
  const startedMs = performance.now();
  let left = requests;
  let tokens = 0;
  const caller = async () => {
    while (left-- > 0) {
      const ask = { prompt: freshPrompt(PROMPT_TOKENS), maxTokens: 32, adapter: next() };
      tokens += (await generate(engine, ask)).completionTokens;
    }
  };
  await Promise.all(Array.from({ length: 8 }, caller));
  return (tokens * 1000) / (performance.now() - startedMs);
}
