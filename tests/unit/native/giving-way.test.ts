import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { openNativeLibrary } from '../../../src/native/library.js';

const [major = 0, minor = 0] = release().split('.').map(Number);
const hasTurns = process.platform === 'linux' && (major > 6 || (major === 6 && minor >= 12));
const library = openNativeLibrary();

t.test(
  'a thread that gives way takes long turns, and so do those that it starts',
  {
    skip: !(library && hasTurns) && 'needs the native library and Linux 6.12',
  },
  async (t) => {
    t.equal(library!.giveWay(), true);
    t.equal(turnNs(readFileSync('/proc/thread-self/sched', 'utf8')), 100_000_000);
    const worker = new Worker(
      `require('node:worker_threads').parentPort.postMessage(require('node:fs').readFileSync('/proc/thread-self/sched', 'utf8'))`,
      { eval: true },
    );
    const sched = await new Promise<string>((resolve) => worker.once('message', resolve));
    t.equal(turnNs(sched), 100_000_000);
  },
);

function turnNs(sched: string): number {
  return Number(/se\.slice\s*:\s*(\d+)/.exec(sched)?.[1]);
}
