import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../src/config/load.js';
import type { AdapterRef } from '../../src/contracts/adapter.js';
import type { GenerateRequest, TextGenerator, TokenEvent } from '../../src/contracts/generator.js';
import type { GrammarSpec } from '../../src/contracts/grammar.js';
import { createRandom } from '../../src/engine/process/random.js';
import type { EngineSettings } from '../../src/engine/protocol.js';
import {
  GREEDY,
  MODEL_DIR,
  readModelManifest,
  startEngine as startConfigured,
} from '../../tests/fixtures/engine/engine.js';

/** As a gateway without configuration runs it. */
export const SETTINGS: EngineSettings = loadConfig({ env: {} }).engine;
/** What is measured: the small model, or the one that is named as for a gateway. */
export const modelDir = path.join(
  path.dirname(MODEL_DIR),
  process.env.SWITCHYARD_MODELS_BASE ?? path.basename(MODEL_DIR),
);
export const manifest = readModelManifest(modelDir);

export type Finished = Extract<TokenEvent, { type: 'finished' }>;

/** What a benchmark asks for; the end token never comes, so every answer has its full length. */
export interface Ask {
  readonly prompt: GenerateRequest['prompt'];
  readonly maxTokens: number;
  readonly adapter?: AdapterRef | null;
  readonly tenant?: string;
  readonly ends?: boolean;
  readonly grammar?: GrammarSpec | null;
  readonly onDelta?: (tokens: number) => void;
}

export const startEngine = (settings: Partial<EngineSettings> = {}): Promise<TextGenerator> =>
  startConfigured({ ...SETTINGS, ...settings }, modelDir, path.resolve('.switchyard/calibration-bench.json'));

const NEVER_ENDS = Object.fromEntries(manifest.tokenizer.eosIds.map((id) => [id, -100]));

export async function generate(
  engine: TextGenerator,
  { prompt, maxTokens, adapter = null, tenant = 'bench', ends = false, grammar = null, onDelta }: Ask,
): Promise<Finished> {
  const sampling = ends ? GREEDY : { ...GREEDY, logitBias: NEVER_ENDS };
  const request = {
    requestId: 'bench',
    tenant,
    audience: '',
    deployment: 'bench',
    prompt,
    adapter,
    sampling,
    maxTokens,
    maxTokensYields: false,
    stop: [],
    topLogprobs: null,
    grammar,
  };
  const events = engine.generate({ ...request, priority: 'interactive' }, new AbortController().signal);
  for await (const event of events) {
    if (event.type === 'delta') onDelta?.(event.tokenCount);
    if (event.type === 'finished') return event;
  }
  throw new Error('the answer ended without its last event');
}

const random = createRandom(1);
/** Tokens that were never asked before, so that no cache knows them. */
export function freshPrompt(tokens: number): GenerateRequest['prompt'] {
  return { kind: 'tokens', ids: Array.from({ length: tokens }, () => 1000 + Math.floor(random() * 40_000)) };
}

export async function inScratchFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'switchyard-bench-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);
