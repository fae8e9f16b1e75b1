/** What clients of several gateways do, and what they saw. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GATEWAYS, type Gateways } from './gateways.js';

export interface Answer {
  readonly gateway: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly id: string | null;
  readonly version: number | null;
  readonly tokens: number;
  /** null: it was answered. */
  readonly error: string | null;
}

/** A version that was made stable: asked for and acknowledged. */
export interface Promotion {
  readonly version: number;
  readonly askedMs: number;
  readonly acknowledgedMs: number;
  /** Until the last of the gateways that could know had it. */
  readonly spreadMs: number;
}

export interface Writes {
  /** Secrets of keys that were acknowledged. */
  readonly keys: string[];
  refused: number;
}

const TIMEOUT_MS = 30_000;
const retrieval = { enabled: false, topK: 3, minScore: 0, budgetTokens: 400 };

async function send(url: string, key: string, method: string, path: string, body?: object) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return { response, json: (await response.json()) as Record<string, unknown> };
}

/** Asks one gateway after the other's answer until it is over. */
export async function ask(gateways: Gateways, gateway: number, key: string, answers: Answer[], isOver: () => boolean) {
  const messages = [{ role: 'user', content: 'What does a transfer cost?' }];
  while (!isOver()) {
    const fromMs = Date.now();
    const add = (seen: Pick<Answer, 'id' | 'version' | 'tokens' | 'error'>) =>
      answers.push({ gateway, fromMs, toMs: Date.now(), ...seen });
    try {
      const body = { model: 'assistant', max_tokens: 4, messages };
      const { response, json } = await send(gateways.url(gateway), key, 'POST', '/v1/chat/completions', body);
      const {
        id = null,
        usage,
        error,
      } = json as { id?: string; usage?: { total_tokens: number }; error?: { code: string } };
      const version = Number(response.headers.get('x-adapter')?.split('@')[1] ?? Number.NaN);
      add({ id, version: version || null, tokens: usage?.total_tokens ?? 0, error: error?.code ?? null });
      if (error) await sleep(100);
    } catch (error) {
      add({ id: null, version: null, tokens: 0, error: (error as Error).name });
      await sleep(100);
    }
  }
}

/** Makes keys at one gateway until it is over. */
export async function write({ url, keys }: Gateways, gateway: number, writes: Writes, isOver: () => boolean) {
  for (let n = 0; !isOver(); n++) {
    const body = { label: `k${n}`, scopes: ['inference'] };
    const made = await send(url(gateway), keys.admin, 'POST', '/admin/tenants/free/keys', body).catch(() => null);
    if (made?.response.status === 201) writes.keys.push(made.json.secret as string);
    else writes.refused += 1;
    await sleep(250);
  }
}

/** Makes a version stable at one gateway, and waits until others have it. @returns null where it was not acknowledged */
export async function promote(gateways: Gateways, at: number, version: number, among: readonly number[] = GATEWAYS) {
  const path = '/admin/tenants/free/deployments/assistant';
  const { admin } = gateways.keys;
  const askedMs = Date.now();
  const body = { adapter: 'support', stableVersion: version, instructions: '', retrieval };
  const done = await send(gateways.url(at), admin, 'PUT', path, body).catch(() => null);
  const acknowledgedMs = Date.now();
  if (done?.response.status !== 200) return null;
  const reached = async (gateway: number) => {
    for (;;) {
      const seen = await send(gateways.url(gateway), admin, 'GET', path).catch(() => null);
      if (seen?.json.stableVersion === version) return Date.now() - acknowledgedMs;
      await sleep(5);
    }
  };
  const spreadMs = Math.max(...(await Promise.all(among.map(reached))));
  return { version, askedMs, acknowledgedMs, spreadMs };
}

/** Of secrets, those that a gateway does not know. */
export async function unknownKeys({ url }: Gateways, gateway: number, secrets: readonly string[]): Promise<number> {
  let unknown = 0;
  for (const secret of secrets) {
    const { response } = await send(url(gateway), secret, 'GET', '/v1/key');
    if (response.status !== 200) unknown += 1;
  }
  return unknown;
}
