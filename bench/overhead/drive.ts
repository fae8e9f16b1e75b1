/** Closed-loop load: so many callers, each of which asks again when it has its answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../load.js';
import { type Caller, openCaller } from './caller.js';

export interface Target {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  /** Of what can be stopped while it is not its turn. */
  readonly pid?: number;
}

export interface Load {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
}

export const MESSAGES = [
  { role: 'system', content: 'You are the assistant of a bank. Answer briefly, and only what you know.' },
  { role: 'user', content: 'Can I repay my mortgage early, and what does it cost me if I do so this year?' },
];

/** @throws Error with the answer where one is not 200 */
export async function drive(target: Target, callers: number, requests: number, warmUp: number): Promise<Load> {
  const body = JSON.stringify({ model: target.model, messages: MESSAGES, max_tokens: 16, stream: false });
  const headers = { 'content-type': 'application/json', ...target.headers };
  const all = await Promise.all(
    Array.from({ length: callers }, () => openCaller(target.url, '/v1/chat/completions', headers, body)),
  );
  const run = async (count: number, times: number[]) => {
    let left = count;
    const call = async (caller: Caller) => {
      while (left > 0) {
        left -= 1;
        const beganMs = performance.now();
        const { status, body } = await caller.ask();
        times.push(performance.now() - beganMs);
        if (status !== 200) throw new Error(`${target.name} answered ${status}: ${body}`);
      }
    };
    await Promise.all(all.map(call));
  };
  try {
    await run(warmUp, []);
    await sleep(200);
    const times: number[] = [];
    const beganMs = performance.now();
    await run(requests, times);
    const seconds = (performance.now() - beganMs) / 1000;
    return { p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99), perSecond: requests / seconds };
  } finally {
    for (const caller of all) caller.close();
  }
}
