import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ModelManifest } from '../../src/contracts/model-manifest.js';
import { loadNativeKernels } from '../../src/engine/process/kernels/native.js';
import { KernelRunner } from '../../src/engine/process/kernels/runner.js';
import type { ModelRunner } from '../../src/engine/process/runner.js';
import { StockRunner } from '../../src/engine/process/stock/runner.js';

const POSITIONS = 1024;
const TOKENS = 64;

/** The kernels, which `npm test` builds. */
export const kernels = loadNativeKernels()!;

/**
 * An imported model as the engine runs it, with three slots, and room for the logits of a whole chunk of 64 tokens.
 * @param kernelPath instruction set of the kernels; null for stock operators
 */
export function loadRunner(modelDir: string, kernelPath: string | null = kernels.paths[0]!): ModelRunner {
  const manifest = JSON.parse(readFileSync(path.join(modelDir, 'manifest.json'), 'utf8')) as ModelManifest;
  const options = {
    modelDir,
    manifest,
    spinUs: 0,
    slots: kernelPath === null ? TOKENS : 3,
    contextTokens: kernelPath === null ? TOKENS : Math.min(POSITIONS, manifest.shape.maxPositions),
    adapterSlots: 2,
    maxAdapterRank: 64,
    prefixCacheTokens: 1024,
    passageCacheBytes: 2 ** 24,
    maxTokens: TOKENS,
    maxLogits: TOKENS,
  };
  const runner = kernelPath === null ? new StockRunner(options) : new KernelRunner({ ...options, kernels, kernelPath });
  runner.useThreads(2);
  return runner;
}

/** Logits of every token of a chunk, one after the other. */
export function logitsOfAll(
  runner: ModelRunner,
  ids: readonly number[],
  { slot = 0, start = 0, adapterSlot = null as number | null } = {},
): Float32Array {
  const [rows] = runner.run([{ slot, start, ids, adapterSlot, logits: ids.length }]);
  const width = rows![0]!.length;
  const logits = new Float32Array(rows!.length * width);
  rows!.forEach((row, i) => {
    logits.set(row, i * width);
  });
  return logits;
}
