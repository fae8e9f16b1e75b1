import { Worker } from 'node:worker_threads';

/** They end a process that used up its time or its memory; by default they leave no core file. */
export const OUT_OF_TIME = 'SIGALRM';
export const OUT_OF_MEMORY = 'SIGUSR2';

/** A thread that nothing blocks. As text: nothing else that this needs would have to be loaded into it. */
const WATCHDOG = `
  const { workerData: { startedAt, limitMs, limitBytes, parent } } = require('node:worker_threads');
  setInterval(() => {
    const [ms, bytes] = startedAt;
    if (ms >= 0 && process.cpuUsage().user / 1000 - ms > limitMs) process.kill(process.pid, '${OUT_OF_TIME}');
    if (ms >= 0 && process.memoryUsage.rss() - bytes > limitBytes) process.kill(process.pid, '${OUT_OF_MEMORY}');
    if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  }, 50);
`;
const STOPPED = -1;

/**
 * Ends this process by `OUT_OF_TIME` where a piece of work takes more processor time than it may (on a busy machine it is
 * not to blame for the time it waits), by `OUT_OF_MEMORY` where it takes more memory of any kind (V8 bounds its own heap
 * alone, and neither buffers nor WebAssembly), and where the parent is gone, which a blocked thread does not see.
 */
export function watchUse(limitMs: number, limitBytes: number): { start(): void; stop(): void } {
  /** Processor time and memory at the start. */
  const startedAt = new Float64Array(new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT)).fill(STOPPED);
  // A listener would wait for the thread that is blocked; without one the signal ends the process.
  for (const signal of [OUT_OF_TIME, OUT_OF_MEMORY]) process.removeAllListeners(signal);
  new Worker(WATCHDOG, { eval: true, workerData: { startedAt, limitMs, limitBytes, parent: process.ppid } }).unref();
  return {
    start() {
      startedAt[1] = process.memoryUsage.rss();
      startedAt[0] = process.cpuUsage().user / 1000;
    },
    stop() {
      startedAt[0] = STOPPED;
    },
  };
}
