import os from 'node:os';
import { join } from 'node:path';
import { furtherEmbedders } from '../config/embedders.js';
import { enginesOf } from '../config/engines.js';
import type { Config } from '../config/schema.js';
import { AppError } from '../errors/app-error.js';
import { type AnyManifest, readManifest } from '../layouts/manifest.js';

export interface MemoryNeed {
  /** Of the models alone, in bytes. */
  readonly weights: number;
  /** With slots and caches, when all are full. */
  readonly most: number;
  /** What this process and its children may have. */
  readonly limit: number;
}

/** Of the models that may be loaded beside a base; null: not there. */
export function manifestsBeside({
  dataDir,
  models,
}: Pick<Config, 'dataDir' | 'models'>): Promise<(AnyManifest | null)[]> {
  const ids = [models.embedder, ...furtherEmbedders(models), models.ner].filter((id) => id !== '');
  return Promise.all(ids.map((id) => readManifest(join(dataDir, 'models', id))));
}

/** Where only pools answer, the base takes nothing here. @param manifests of the base first, then of the other models; null: not there */
export function memoryNeed(
  config: Pick<Config, 'engine' | 'engines' | 'retrieval' | 'upstream'>,
  [base, ...others]: readonly [base: AnyManifest | null, ...others: (AnyManifest | null)[]],
): MemoryNeed {
  const { engine, retrieval } = config;
  const { embedded } = enginesOf(config);
  const weights = [embedded ? base : null, ...others].reduce((sum, manifest) => sum + bytesOfWeights(manifest), 0);
  const slots = engine.slots + engine.reservedSlots;
  const tokens = slots * engine.contextTokens + engine.prefixCacheTokens;
  const caches = engine.passageCacheBytes + engine.adapterCacheBytes;
  const ofEngine = embedded ? tokens * bytesPerToken(base) + caches : 0;
  const most = weights + ofEngine + retrieval.indexMemoryBytes;
  return { weights, most, limit: Math.min(os.totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) };
}

/**
 * Says before a start what would show later, when the system ends a process: that slots and caches, once full, take more
 * than there is. @throws AppError `model_too_large` where not even the models fit
 */
export function requireMemory(model: string, { weights, most, limit }: MemoryNeed, warn: (text: string) => void): void {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  if (weights > limit) {
    const remedy = 'take a smaller model, or a machine with more';
    const room = { needed: gigabytes(weights), there: gigabytes(limit) };
    throw new AppError('model_too_large', { model, what: 'memory', ...room, remedy });
  }
  if (most > limit) {
    warn(
      `models, slots and caches take up to ${gigabytes(most)} of memory, and there are ${gigabytes(limit)}; "switchyard doctor" says what can be lowered`,
    );
  }
}

/** Of its largest file: a model is kept in several forms, and one of them is opened. */
function bytesOfWeights(manifest: AnyManifest | null): number {
  return Math.max(0, ...Object.values(manifest?.files ?? {}).map(({ bytes }) => bytes));
}

/** Keys and values of one token in half precision; 0 for a model that is not there. */
function bytesPerToken(manifest: AnyManifest | null): number {
  if (manifest?.format !== 'switchyard-decoder-2') return 0;
  const { layers, kvHeads, headDim } = manifest.shape;
  return 2 * 2 * layers * kvHeads * headDim;
}
