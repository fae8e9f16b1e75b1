/** Answers as streams: how long the first text takes, and how many can go on at once without any of them being late. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { createSseReader, quantile } from '../load.js';
import { MESSAGES, type Target } from './drive.js';

/** Of the upstream, for answers of more than `AT_ONCE_TOKENS`. */
export const TOKEN_EVERY_MS = 50;
export const AT_ONCE_TOKENS = 16;
const COUNTS = [25, 50, 100, 200, 400, 800];
const TOKENS = 60;
/** A reader sees the text stop and go on when two tokens are further apart than this. */
const LATEST_MS = 4 * TOKEN_EVERY_MS;
/** Streams do not begin all in one moment. */
const BEGIN_WITHIN_MS = 1000;

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[];
  readonly error?: object;
}

/** @returns when each text came, from the sending on @throws Error where it does not come whole */
async function readStream({ name, url, headers, model }: Target, maxTokens: number, dispatcher: Agent) {
  const body = JSON.stringify({ model, messages: MESSAGES, max_tokens: maxTokens, stream: true });
  const beganMs = performance.now();
  const response = await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
    dispatcher,
  });
  const read = createSseReader();
  const decoder = new TextDecoder();
  const textsMs: number[] = [];
  let received = '';
  let isWhole = false;
  for await (const bytes of response.body) {
    const text = decoder.decode(bytes as Buffer, { stream: true });
    if (response.statusCode !== 200) received += text;
    for (const data of read(text)) {
      isWhole ||= data === '[DONE]';
      if (data !== '[DONE]' && (JSON.parse(data) as Chunk).choices?.[0]?.delta?.content)
        textsMs.push(performance.now() - beganMs);
    }
  }
  if (!isWhole || textsMs.length === 0) throw new Error(`${name} answered ${response.statusCode}: ${received}`);
  return textsMs;
}

/** One after the other. @returns the times to the first text */
export async function firstTexts(target: Target, requests: number): Promise<number[]> {
  const agent = new Agent();
  try {
    const times: number[] = [];
    for (let n = 0; n < requests; n++) times.push((await readStream(target, AT_ONCE_TOKENS, agent))[0]!);
    return times;
  } finally {
    await agent.close();
  }
}

/** The most streams of which 99 % of the tokens come in time, out of a few counts. */
export async function sustained(target: Target, say: (line: string) => void): Promise<number> {
  let most = 0;
  for (const count of COUNTS) {
    const latenessMs = await lateness(target, count);
    say(`${target.name}, ${count} streams: p99 between two tokens ${latenessMs.toFixed(0)} ms`);
    if (latenessMs > LATEST_MS) break;
    most = count;
  }
  return most;
}

/** Between two texts of a stream, p99. What is refused or comes in one piece is late without end. */
async function lateness(target: Target, count: number): Promise<number> {
  const agent = new Agent({ connections: count });
  const one = async () => {
    await sleep(Math.random() * BEGIN_WITHIN_MS);
    return readStream(target, TOKENS, agent);
  };
  try {
    const streams = await Promise.all(Array.from({ length: count }, one));
    const gaps = streams.flatMap((textsMs) => textsMs.slice(1).map((ms, n) => ms - textsMs[n]!));
    return gaps.length === 0 ? Number.POSITIVE_INFINITY : quantile(gaps, 0.99);
  } catch {
    return Number.POSITIVE_INFINITY;
  } finally {
    await agent.destroy();
  }
}
