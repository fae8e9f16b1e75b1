/**
 * The engine in its own process, driven through its client, without HTTP: decode and prefill speed, what adapters cost,
 * and memory with every slot full. Answers are kept from ending early, so that all rows decode together.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { AdapterRef } from '../src/contracts/adapter.js';
import type { Engine, TokenEvent } from '../src/contracts/engine.js';
import type { ModelManifest } from '../src/contracts/model-manifest.js';
import { createEngine } from '../src/engine/client.js';
import { writeAdapter } from '../tests/fixtures/engine/adapters.js';
import { GREEDY } from '../tests/fixtures/engine/engine.js';
import { gatewayRssMb } from './gateway-memory.js';
import type { BenchOptions } from './main.js';

const MODEL_DIR = path.resolve('.switchyard/models/smollm2-135m-instruct');
const SETTINGS = {
  slots: 8,
  contextTokens: 2048,
  prefillChunkTokens: 64,
  maxQueued: 64,
  adapterSlots: 8,
  maxAdapterRank: 16,
  threads: 0,
  spinUs: 50,
};
/** About a question with three passages. */
const PROMPT_TOKENS = 250;

type Finished = Extract<TokenEvent, { type: 'finished' }>;

export default async function benchEngine({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const rounds = quick ? 1 : 5;
  const answerTokens = quick ? 32 : 128;
  const manifest = JSON.parse(readFileSync(path.join(MODEL_DIR, 'manifest.json'), 'utf8')) as ModelManifest;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'switchyard-bench-'));
  const adapters = Array.from({ length: SETTINGS.slots }, (_, seed) => writeAdapter(folder, manifest, { seed }));
  const clock = { now: Date.now, monotonicMs: () => performance.now() };
  const engine = await createEngine({ modelDir: MODEL_DIR, settings: SETTINGS, clock, log: { warn: () => {} } });
  const measure = createMeasures(engine, manifest);
  const figures: Record<string, number> = {};
  const record = (name: string, value: number) => {
    figures[name] = Math.round(value * 10) / 10;
    say(`${name.padEnd(28)} ${figures[name]}`);
  };
  try {
    await measure.decodeTps([null], 8);
    const loads: number[] = [];
    for (const adapter of adapters) loads.push(await measure.adapterLoadMs(adapter));
    const streams = (count: number, adapterOf: (i: number) => AdapterRef | null) => async () =>
      measure.decodeTps(
        Array.from({ length: count }, (_, i) => adapterOf(i)),
        answerTokens,
      );
    const none = () => null;
    const shared = () => adapters[0]!;
    const distinct = (i: number) => adapters[i]!;
    record('decode_tps_1', await median(rounds, streams(1, none)));
    record('decode_tps_4', await median(rounds, streams(4, none)));
    record('decode_tps_8', await median(rounds, streams(8, none)));
    record('decode_tps_1_adapter', await median(rounds, streams(1, shared)));
    record('decode_tps_8_shared_adapter', await median(rounds, streams(8, shared)));
    record('decode_tps_8_adapters', await median(rounds, streams(8, distinct)));
    record('prefill_tps_512', await median(rounds, () => measure.prefillTps(512, null)));
    record('prefill_tps_512_adapter', await median(rounds, () => measure.prefillTps(512, adapters[0]!)));
    record('adapter_load_ms', middle(loads));
    await measure.fillEverySlot(adapters);
    record('rss_engine_mb', engine.status().rssBytes / 2 ** 20);
    const gateway = await gatewayRssMb();
    say(
      gateway === null
        ? 'no gateway runs: rss_mb is of the engine and this process'
        : 'rss_mb is of the running gateway',
    );
    record('rss_mb', gateway ?? (engine.status().rssBytes + process.memoryUsage.rss()) / 2 ** 20);
  } finally {
    await engine.close();
    rmSync(folder, { recursive: true });
  }
  return figures;
}

function createMeasures(engine: Engine, manifest: ModelManifest) {
  // The end token never comes: every answer has its full length.
  const logitBias = Object.fromEntries(manifest.tokenizer.eosIds.map((id) => [id, -100]));
  const sampling = { ...GREEDY, logitBias };

  const generate = async (promptTokens: number, maxTokens: number, adapter: AdapterRef | null): Promise<Finished> => {
    const ids = Array.from({ length: promptTokens }, (_, i) => 1000 + ((i * 7919) % 40_000));
    const prompt = { kind: 'tokens', ids } as const;
    const request = { requestId: 'bench', tenant: 'bench', prompt, adapter, sampling, maxTokens, stop: [] };
    const events = engine.generate({ ...request, topLogprobs: null }, new AbortController().signal);
    for await (const event of events) if (event.type === 'finished') return event;
    throw new Error('the answer ended without its last event');
  };

  return {
    /** Tokens a second of all streams together, by the median of the steps in which all of them decode. */
    async decodeTps(adapters: readonly (AdapterRef | null)[], answerTokens: number): Promise<number> {
      const stepsMs: number[] = [];
      const stop = engine.observe((observation) => {
        if (observation.type !== 'step' || observation.kind !== 'decode') return;
        if (observation.rows === adapters.length) stepsMs.push(observation.durationMs);
      });
      // Prompts are prefilled one after another; the first rows must still be there when the last one starts.
      const length = answerTokens + 4 * adapters.length;
      await Promise.all(adapters.map((adapter) => generate(PROMPT_TOKENS, length, adapter)));
      stop();
      if (stepsMs.length < answerTokens / 2) throw new Error('the rows hardly decoded together');
      return (adapters.length * 1000) / middle(stepsMs);
    },
    async prefillTps(promptTokens: number, adapter: AdapterRef | null): Promise<number> {
      const { timings } = await generate(promptTokens, 1, adapter);
      return (promptTokens * 1000) / timings.prefillMs;
    },
    async adapterLoadMs(adapter: AdapterRef): Promise<number> {
      const { timings } = await generate(8, 1, adapter);
      return timings.adapterLoadMs;
    },
    /** All slots up to their last token, each with an adapter of its own. */
    async fillEverySlot(adapters: readonly AdapterRef[]): Promise<void> {
      const answerTokens = 64;
      await Promise.all(
        adapters.map((adapter) => generate(SETTINGS.contextTokens - answerTokens, answerTokens, adapter)),
      );
    },
  };
}

async function median(rounds: number, measure: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) values.push(await measure());
  return middle(values);
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
