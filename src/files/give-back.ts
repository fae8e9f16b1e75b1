import { MessageChannel } from 'node:worker_threads';

/** What is smaller is not worth it. */
const LEAST_BYTES = 16 * 1024;

/** A message to a closed end leaves with what belongs to it, and arrives nowhere. */
const nowhere = new MessageChannel().port1;
nowhere.close();

/**
 * Gives the memory of bytes back that nobody reads any more, where they are all of it; they are empty afterwards. Bytes lie beside V8's heap: it
 * would have to collect garbage to know that they are not in use, and some megabytes of them have it look through all of the heap, in which every
 * stream of the process stands still.
 */
export function giveBack(bytes: Buffer): void {
  const { buffer, byteLength } = bytes;
  if (byteLength < LEAST_BYTES || byteLength !== buffer.byteLength) return;
  nowhere.postMessage(null, [buffer as ArrayBuffer]);
}
