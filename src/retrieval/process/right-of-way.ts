import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { Allowance } from '../../queues/allowance.js';

/** Somebody waits for short work: the engine pauses for it, as far as it does that at all. */
export interface RightOfWay {
  /** The tenant's work begins. @returns to be called at its end */
  take(tenant: string): () => void;
  close(): void;
}

/** What takes longer is no short work. */
const LONGEST_NS = 50_000_000n;
/** Milliseconds for which a tenant has it: some questions at once, and three a second in the long run. */
const ALLOWANCE = { burst: 300, perMs: 0.1 };

/** @param file layouts/right-of-way.ts */
export function openRightOfWay(file: string, nowNs: () => bigint = process.hrtime.bigint): RightOfWay {
  let descriptor: number | null = null;
  const bytes = Buffer.alloc(8);
  const wishUntil = (untilNs: bigint) => {
    bytes.writeBigInt64LE(untilNs);
    try {
      descriptor ??= openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
      writeSync(descriptor, bytes, 0, bytes.length, 0);
    } catch {
      // The disk is full, or away: everything takes longer, and nothing depends on it.
    }
  };
  const allowance = new Allowance(ALLOWANCE, () => Number(nowNs()) / 1e6);
  let working = 0;
  return {
    take(tenant) {
      if (!allowance.isWithin(tenant)) return () => {};
      const startedNs = nowNs();
      working++;
      wishUntil(startedNs + LONGEST_NS);
      return () => {
        const tookNs = nowNs() - startedNs;
        allowance.spend(tenant, Number(tookNs < LONGEST_NS ? tookNs : LONGEST_NS) / 1e6);
        if (--working === 0) wishUntil(0n);
      };
    },
    close() {
      if (descriptor !== null) closeSync(descriptor);
    },
  };
}
