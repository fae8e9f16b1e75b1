import path from 'node:path';
import type { AdapterRef } from '../contracts/adapter.js';
import type { ModelManifest } from '../contracts/model-manifest.js';
import { readAdapter } from '../layouts/read-adapter.js';
import type { Dialect } from './dialects/dialect.js';
import { ReplicaFailure } from './failure.js';
import type { Server } from './server.js';

export interface DeliveryOptions {
  readonly dialect: Dialect;
  /** What adapters must have been compiled for. */
  readonly base: Pick<ModelManifest, 'baseDigest' | 'shape'>;
  /** Where the servers see the folder `adapters` of the data folder; empty: where it is here. */
  readonly adapterDir: string;
  readonly timeoutMs: number;
}

/**
 * What brings an adapter to a server: its PEFT files lie beside its compiled form, which says whether they are what was
 * registered, in a folder that is named by the digest.
 */
export function createDelivery({ dialect, base, adapterDir, timeoutMs }: DeliveryOptions) {
  return async (server: Server, adapter: AdapterRef): Promise<void> => {
    await readAdapter(adapter, base).catch((cause: Error) => {
      throw new ReplicaFailure('adapter', cause.message, { cause });
    });
    const folder = adapterDir === '' ? path.dirname(adapter.compiledFile) : path.posix.join(adapterDir, adapter.digest);
    await dialect.load?.(server, adapter.digest, folder, AbortSignal.timeout(timeoutMs));
  };
}
