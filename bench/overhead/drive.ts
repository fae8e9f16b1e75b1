/** Closed-loop load: so many callers, each of which asks again when it has its answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { quantile } from '../load.js';

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
  const pool = new Pool(target.url, { connections: callers, pipelining: 1 });
  const body = JSON.stringify({ model: target.model, messages: MESSAGES, max_tokens: 16, stream: false });
  const headers = { 'content-type': 'application/json', ...target.headers };
  const ask = async () => {
    const response = await pool.request({ method: 'POST', path: '/v1/chat/completions', headers, body });
    const text = await response.body.text();
    if (response.statusCode !== 200) throw new Error(`${target.name} answered ${response.statusCode}: ${text}`);
  };
  const run = async (count: number, times: number[]) => {
    let left = count;
    const call = async () => {
      while (left > 0) {
        left -= 1;
        const beganMs = performance.now();
        await ask();
        times.push(performance.now() - beganMs);
      }
    };
    await Promise.all(Array.from({ length: callers }, call));
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
    await pool.close();
  }
}
