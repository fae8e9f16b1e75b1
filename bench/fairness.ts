/**
 * What a flood of one tenant does to another: the 95th percentile of the second one's time to first token beside 100
 * queued requests of the first, against alone with the same share. Two tenants that both want all of the machine have half
 * of it each, so alone with that share everything takes twice as long as alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TextGenerator } from '../src/contracts/generator.js';
import { freshPrompt, generate, quantile, SETTINGS, startEngine } from './engine/driver.js';
import type { BenchOptions } from './main.js';

const FLOOD = 100;
const PROMPT_TOKENS = 250;
const ANSWER_TOKENS = 64;
const PAUSE_MS = 120;
const TENANTS = 2;

export default async function benchFairness({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const asked = quick ? 20 : 60;
  const engine = await startEngine({ maxQueued: FLOOD + SETTINGS.maxQueued });
  try {
    await firstTokensMs(engine, 3);
    const alone = await firstTokensMs(engine, asked);
    let flooding = true;
    const flood = Array.from({ length: FLOOD }, async () => {
      while (flooding) await ask(engine, 'flood');
    });
    await sleep(1000);
    const beside = await firstTokensMs(engine, asked);
    flooding = false;
    await engine.close();
    await Promise.allSettled(flood);
    const [p95Alone, p95Beside] = [quantile(alone, 0.95), quantile(beside, 0.95)];
    say(`time to first token, p50 / p95, alone ${ms(quantile(alone, 0.5))} / ${ms(p95Alone)}`);
    say(`beside ${FLOOD} requests of another tenant ${ms(quantile(beside, 0.5))} / ${ms(p95Beside)}`);
    return {
      ttft_p95_alone_ms: Math.round(p95Alone),
      ttft_p95_beside_flood_ms: Math.round(p95Beside),
      ttft_p95_ratio: Number((p95Beside / (TENANTS * p95Alone)).toFixed(2)),
      ttft_p95_ratio_to_whole_machine: Number((p95Beside / p95Alone).toFixed(2)),
    };
  } finally {
    await engine.close();
  }
}

const ms = (value: number): string => `${Math.round(value)} ms`;

/** One request after another, as a person asks. */
async function firstTokensMs(engine: TextGenerator, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    times.push((await ask(engine, 'person')).timings.firstTokenMs!);
    await sleep(PAUSE_MS);
  }
  return times;
}

function ask(engine: TextGenerator, tenant: string) {
  return generate(engine, { prompt: freshPrompt(PROMPT_TOKENS), maxTokens: ANSWER_TOKENS, tenant });
}
