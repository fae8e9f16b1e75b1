import { setImmediate as yieldToMessages } from 'node:timers/promises';
import { Turns } from '../../queues/turns.js';
import type { Pace } from './pace.js';

/** From first to last served. */
const LANES = ['search', 'embed', 'background'] as const;
type Lane = (typeof LANES)[number];

/** Nobody pauses in it: it is behind the others anyway, and searches are dear until an index is built. */
const UNPACED: Lane = 'background';

/** Jobs of earlier lanes that a waiting one lets pass before it has its turn: none waits for ever behind a flood. */
const PATIENCE = 4;
/** Longest time for which jobs of who uses much wait for writes of who uses little: the disk may be slow. */
const LONGEST_HOLD_MS = 100;

/** What a write takes of all threads, about. */
const WRITE_MS = 8;

interface Waiting {
  readonly tenant: string;
  readonly run: () => Promise<void>;
}

export interface WorkQueue {
  /**
   * Runs jobs one at a time, those of an earlier lane first, and within a lane the tenants in turns. Jobs are short (one
   * batch): between two of them the process reads its messages, so that a search waits for one batch of ingestion at
   * most, and an abort is seen.
   */
  run<T>(lane: Lane, tenant: string, job: () => T | Promise<T>, signal?: AbortSignal): Promise<T>;
  /**
   * Runs jobs that wait for the disk rather than for this thread, one at a time and beside those of the lanes, the tenants
   * in turns. Each of their steps needs this thread for a moment: while they are of a tenant that uses little, those that
   * use much begin nothing.
   */
  write<T>(tenant: string, job: () => Promise<T>): Promise<T>;
}

/** @param nowMs of the clock that the pace has */
export function createWorkQueue(pace: Pace, nowMs: () => number): WorkQueue {
  const lanes = LANES.map(() => new Turns<Waiting>());
  const passed = LANES.map(() => 0);
  const writes = new Turns<Waiting>();
  /** Since when a tenant within its allowance writes. */
  let heldAtMs: number | null = null;
  let isRunning = false;
  let isWriting = false;
  let wake: NodeJS.Timeout | undefined;

  const holdEndsMs = () => (heldAtMs === null ? 0 : heldAtMs + LONGEST_HOLD_MS);
  const mayBeginAtMs = (tenant: string) => Math.max(pace.readyAtMs(tenant), pace.isWithin(tenant) ? 0 : holdEndsMs());
  const mayBegin = (tenant: string) => mayBeginAtMs(tenant) <= nowMs();
  const canBegin = (lane: number) =>
    LANES[lane] === UNPACED ? !lanes[lane]!.isEmpty : [...lanes[lane]!.tenants].some(mayBegin);

  const next = () => {
    const waiting = [...lanes.keys()].filter(canBegin);
    const served = waiting.findLast((lane) => passed[lane]! >= PATIENCE) ?? waiting[0];
    if (served === undefined) return undefined;
    for (const lane of waiting) if (lane > served) passed[lane]!++;
    passed[served] = 0;
    return lanes[served]!.take(LANES[served] === UNPACED ? undefined : mayBegin);
  };

  /** Comes back when somebody's pause is over. */
  const sleep = () => {
    clearTimeout(wake);
    const idle = [...(isRunning ? [] : lanes), ...(isWriting ? [] : [writes])];
    const tenants = idle.flatMap((turns) => [...turns.tenants]);
    const first = Math.min(...tenants.map(mayBeginAtMs));
    if (Number.isFinite(first)) wake = setTimeout(start, Math.max(1, first - nowMs()));
  };

  const drain = async () => {
    isRunning = true;
    for (let job = next(); job; job = next()) {
      await job.run();
      await yieldToMessages();
    }
    isRunning = false;
    sleep();
  };

  const drainWrites = async () => {
    isWriting = true;
    for (let job = writes.take(mayBegin); job; job = writes.take(mayBegin)) {
      heldAtMs = pace.isWithin(job.tenant) ? nowMs() : null;
      await job.run();
      heldAtMs = null;
      if (!isRunning) void drain();
    }
    isWriting = false;
    sleep();
  };

  const start = () => {
    if (!isRunning) void drain();
    if (!isWriting) void drainWrites();
  };

  const add = <T>(turns: Turns<Waiting>, tenant: string, job: () => T | Promise<T>, signal?: AbortSignal): Promise<T> =>
    new Promise((resolve, reject) => {
      const run = async () => {
        try {
          signal?.throwIfAborted();
          resolve(await job());
        } catch (error) {
          reject(error);
        }
      };
      turns.add({ tenant, run });
      start();
    });

  return {
    run: (lane, tenant, job, signal) => {
      const paced = lane === UNPACED ? job : () => pace.run(tenant, job);
      return add(lanes[LANES.indexOf(lane)]!, tenant, paced, signal);
    },
    write: (tenant, job) => add(writes, tenant, () => pace.run(tenant, job, WRITE_MS)),
  };
}
