import { LRUCache } from 'lru-cache';
import type { AdapterRef } from '../../contracts/adapter.js';
import type { ModelManifest } from '../../contracts/model-manifest.js';
import type { AdapterTensors } from '../../layouts/adapter-file.js';
import { readAdapter } from '../../layouts/read-adapter.js';

/**
 * Adapters between the disk and the bank: parsed and checked, the most recently used ones kept in memory up to a number
 * of bytes. Known by digest, like everything that is cached of an adapter.
 */
export class AdapterStore {
  readonly #base: Pick<ModelManifest, 'baseDigest' | 'shape'>;
  readonly #parsed: LRUCache<string, AdapterTensors> | null;

  /** @param maxBytes 0 keeps none */
  constructor(base: Pick<ModelManifest, 'baseDigest' | 'shape'>, maxBytes: number) {
    this.#base = base;
    const sizeCalculation = ({ halves }: AdapterTensors) => Math.max(1, halves.byteLength);
    this.#parsed = maxBytes === 0 ? null : new LRUCache({ maxSize: maxBytes, sizeCalculation });
  }

  /** @throws Error when the file is not what it should be */
  async get(adapter: AdapterRef): Promise<AdapterTensors> {
    const known = this.#parsed?.get(adapter.digest);
    if (known) return known;
    const tensors = await readAdapter(adapter, this.#base);
    this.#parsed?.set(adapter.digest, tensors);
    return tensors;
  }
}
