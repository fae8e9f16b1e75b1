import { Worker } from 'node:worker_threads';

/** Ends a process that used up its time; by default it ends a process and leaves no core file. */
export const OUT_OF_TIME = 'SIGALRM';

/** A thread that nothing blocks. As text: nothing else that this needs would have to be loaded into it. */
const WATCHDOG = `
  const { workerData: { startedMs, limitMs, parent } } = require('node:worker_threads');
  setInterval(() => {
    const isOver = startedMs[0] >= 0 && process.cpuUsage().user / 1000 - startedMs[0] > limitMs;
    if (isOver) process.kill(process.pid, '${OUT_OF_TIME}');
    if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  }, 50);
`;
const STOPPED = -1;

/**
 * Ends this process by `OUT_OF_TIME` where a piece of work takes more processor time than it may (on a busy machine it is
 * not to blame for the time it waits), and where the parent is gone, which a blocked thread does not see.
 */
export function watchCpuTime(limitMs: number): { start(): void; stop(): void } {
  const startedMs = new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)).fill(STOPPED);
  // A listener would wait for the thread that is blocked; without one the signal ends the process.
  process.removeAllListeners(OUT_OF_TIME);
  new Worker(WATCHDOG, { eval: true, workerData: { startedMs, limitMs, parent: process.ppid } }).unref();
  return {
    start() {
      startedMs[0] = process.cpuUsage().user / 1000;
    },
    stop() {
      startedMs[0] = STOPPED;
    },
  };
}
