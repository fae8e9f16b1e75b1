import { closeSync, constants, openSync, writeSync } from 'node:fs';

/** Somebody waits for short work: the engine pauses for it, as far as it does that at all. */
export interface RightOfWay {
  /** The work begins. @returns to be called at its end */
  take(): () => void;
  close(): void;
}

/** What takes longer is no short work. */
const LONGEST_NS = 50_000_000n;

/** @param file layouts/right-of-way.ts */
export function openRightOfWay(file: string, nowNs: () => bigint = process.hrtime.bigint): RightOfWay {
  const descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  const bytes = Buffer.alloc(8);
  const wishUntil = (untilNs: bigint) => {
    bytes.writeBigInt64LE(untilNs);
    try {
      writeSync(descriptor, bytes, 0, bytes.length, 0);
    } catch {
      // The disk is full: everything takes longer, and nothing depends on it.
    }
  };
  let working = 0;
  return {
    take() {
      working++;
      wishUntil(nowNs() + LONGEST_NS);
      return () => {
        if (--working === 0) wishUntil(0n);
      };
    },
    close: () => closeSync(descriptor),
  };
}
