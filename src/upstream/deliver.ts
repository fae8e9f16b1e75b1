import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { AdapterRef } from '../contracts/adapter.js';
import { decodeAdapter } from '../layouts/adapter-file.js';
import type { Dialect } from './dialects/dialect.js';
import { ReplicaFailure } from './failure.js';
import type { Server } from './server.js';

export interface DeliveryOptions {
  readonly dialect: Dialect;
  /** What adapters must have been trained on. */
  readonly baseDigest: string;
  /** Where the servers see the folder `adapters` of the data folder; empty: where it is here. */
  readonly adapterDir: string;
  readonly timeoutMs: number;
}

/** What brings an adapter to a server: its PEFT files lie beside its compiled form, in a folder that is named by the digest. */
export function createDelivery({ dialect, baseDigest, adapterDir, timeoutMs }: DeliveryOptions) {
  return async (server: Server, adapter: AdapterRef): Promise<void> => {
    await checkBase(adapter, baseDigest);
    const folder = adapterDir === '' ? path.dirname(adapter.compiledFile) : path.posix.join(adapterDir, adapter.digest);
    await dialect.load?.(server, adapter.digest, folder, AbortSignal.timeout(timeoutMs));
  };
}

/** The compiled form says what the files beside it are. @throws ReplicaFailure `adapter` */
async function checkBase({ compiledFile, digest }: AdapterRef, baseDigest: string): Promise<void> {
  try {
    const { header } = decodeAdapter(await readFile(compiledFile));
    if (header.digest !== digest) throw new Error(`its file holds ${header.digest}`);
    if (header.baseDigest !== baseDigest) throw new Error('it was trained on another base model');
  } catch (cause) {
    throw new ReplicaFailure('adapter', (cause as Error).message, { cause });
  }
}
