/**
 * Whether limits hold and usage is exact in a real gateway with a real model: sixteen clients that ask for more than they may
 * have, a third of whom hang up, and kill -9 in the middle. What was let through is read from the records of answers.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Sqlite } from '../src/sqlite/open.js';
import {
  type GatewayProcess,
  removeDataDir,
  startGateway,
  temporaryDataDir,
} from '../tests/integration/gateway-process.js';
import { registerTenant } from './gateway/tenant.js';
import type { BenchOptions } from './main.js';

const CLIENTS = 16;
const WINDOW_MS = 60_000;
const TOKENS_A_MINUTE = 4000;
const MOST_TOKENS = 32;
const HANG_UP_SHARE = 0.33;
const ENV = { SWITCHYARD_DEMO: 'false', SWITCHYARD_ENGINE_CONTEXT_TOKENS: '1024' };

interface Seen {
  answers: number;
  refused: number;
  hungUp: number;
  /** Of answers that came whole, by their id, with the tokens that their usage says. */
  readonly whole: Map<string, number>;
}

interface AnswerRow {
  readonly id: string;
  readonly atMs: number;
  readonly tokens: number;
}

export default async function benchQuota({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const lifeMs = quick ? 20_000 : 75_000;
  const dataDir = temporaryDataDir();
  // The budget ends in the second life, after what the first one used.
  const budget = quick ? 6000 : 9000;
  const limits = {
    tokensPerMinute: TOKENS_A_MINUTE,
    tokensPerMonth: budget,
    concurrentRequests: 12,
    queuedRequests: 4,
  };
  const { key, adminKey } = await registerTenant(dataDir, ENV, limits);
  const seen: Seen = { answers: 0, refused: 0, hungUp: 0, whole: new Map() };
  try {
    const first = await startGateway(dataDir, ENV);
    await live(first, key, lifeMs, seen, () => first.stop('SIGKILL'));
    const killed = readAnswers(dataDir);
    say(`killed after ${seen.answers} answers; ${killed.length} records are on the disk`);

    const second = await startGateway(dataDir, ENV);
    await live(second, key, lifeMs, seen, async () => {});
    const usage = await usedTokens(second, adminKey);
    const metered = await meteredTokens(second, adminKey);
    await second.stop();
    const rows = readAnswers(dataDir);
    const recorded = sum(rows);
    const ids = new Set(rows.map(({ id }) => id));
    const lost = [...seen.whole].filter(([id]) => !ids.has(id));
    const inMinute = mostWithin(rows);
    // What clients have in hand counts, recorded or not.
    const inMonth = recorded + lost.reduce((total, [, tokens]) => total + tokens, 0);
    say(
      `${rows.length} records of ${recorded} tokens, ${inMinute} in the fullest minute of ${TOKENS_A_MINUTE}, ${inMonth} of ${budget} in the month; ` +
        `${seen.refused} refused, ${seen.hungUp} hung up`,
    );
    return {
      answers: rows.length,
      refused: seen.refused,
      hung_up: seen.hungUp,
      tokens: recorded,
      overshoot_tokens: Math.max(0, inMinute - TOKENS_A_MINUTE) + Math.max(0, inMonth - budget),
      usage_difference: Math.abs(usage - recorded) + Math.abs(metered - (recorded - sum(killed))),
      lost_with_the_kill: lost.length,
    };
  } finally {
    removeDataDir(dataDir);
  }
}

/** Clients ask for a while; then `end`, in the middle of their answers. */
async function live({ url }: GatewayProcess, key: string, ms: number, seen: Seen, end: () => Promise<unknown>) {
  let isOver = false;
  const client = async () => {
    while (!isOver) {
      try {
        await ask(url, key, seen);
      } catch (error) {
        // What the kill breaks off, and what is hung up.
        if (!isOver && !(error instanceof DOMException)) throw error;
      }
    }
  };
  const clients = Array.from({ length: CLIENTS }, client);
  await Promise.race([sleep(ms), Promise.all(clients)]);
  isOver = true;
  await end();
  await Promise.all(clients);
}

async function ask(url: string, key: string, seen: Seen): Promise<void> {
  const hangsUp = Math.random() < HANG_UP_SHARE;
  const leaving = new AbortController();
  if (hangsUp) setTimeout(() => leaving.abort(), 20 + Math.random() * 300);
  const question = `What is ${Math.floor(Math.random() * 1000)} and ${Math.floor(Math.random() * 1000)}?`;
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'assistant',
      max_tokens: MOST_TOKENS,
      messages: [{ role: 'user', content: question }],
      stream: hangsUp,
    }),
    signal: leaving.signal,
  }).catch((error) => {
    if (hangsUp) seen.hungUp += 1;
    throw error;
  });
  if (response.status === 429) {
    seen.refused += 1;
    await response.arrayBuffer();
    // Not as long as they are told: they are the worst of clients.
    await sleep(50);
    return;
  }
  if (response.status !== 200) throw new Error(`the gateway answered ${response.status}: ${await response.text()}`);
  seen.answers += 1;
  if (hangsUp) {
    await response.arrayBuffer().catch((error) => {
      seen.hungUp += 1;
      throw error;
    });
    return;
  }
  const { id, usage } = (await response.json()) as { id: string; usage: { total_tokens: number } };
  seen.whole.set(id, usage.total_tokens);
}

function readAnswers(dataDir: string): AnswerRow[] {
  const db = new Sqlite(join(dataDir, 'registry.db'), { readonly: true });
  try {
    const query =
      'SELECT id, created_at AS atMs, prompt_tokens + completion_tokens AS tokens FROM answers ORDER BY atMs';
    return db.prepare(query).all() as AnswerRow[];
  } finally {
    db.close();
  }
}

/** The most tokens of answers that began within any 60 seconds. */
function mostWithin(rows: readonly AnswerRow[]): number {
  let most = 0;
  let tokens = 0;
  let from = 0;
  for (const row of rows) {
    tokens += row.tokens;
    while (rows[from]!.atMs <= row.atMs - WINDOW_MS) tokens -= rows[from++]!.tokens;
    most = Math.max(most, tokens);
  }
  return most;
}

async function usedTokens({ url }: GatewayProcess, adminKey: string): Promise<number> {
  const response = await fetch(`${url}/admin/usage`, { headers: { authorization: `Bearer ${adminKey}` } });
  return ((await response.json()) as { total: { totalTokens: number } }).total.totalTokens;
}

/** By the metrics of this life of the gateway. */
async function meteredTokens({ url }: GatewayProcess, adminKey: string): Promise<number> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${adminKey}` } });
  const lines = (await response.text()).matchAll(/^switchyard_tokens_total\{.*\} (\S+)$/gm);
  return [...lines].reduce((total, [, tokens]) => total + Number(tokens), 0);
}

const sum = (rows: readonly AnswerRow[]): number => rows.reduce((total, { tokens }) => total + tokens, 0);
