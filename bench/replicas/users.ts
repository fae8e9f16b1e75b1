/** What clients of several gateways do, and what they saw. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GATEWAYS, type Gateways } from './gateways.js';
import { until } from './until.js';

/** A request, by the clock of who sent it. */
export interface Sent {
  readonly gateway: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** null: it was done. */
  readonly error: string | null;
  /** What was said of it. */
  readonly reason: string;
}

export interface Answer extends Sent {
  readonly id: string | null;
  readonly version: number | null;
}

export interface Write extends Sent {
  /** Of the key that was made. */
  readonly secret: string | null;
}

/** A version that was made stable: asked for and acknowledged. */
export interface Promotion {
  readonly version: number;
  readonly askedMs: number;
  readonly acknowledgedMs: number;
  /** Until the last of the gateways that could know had it. */
  readonly spreadMs: number;
}

const TIMEOUT_MS = 30_000;
const REACH_MS = 30_000;
/** Keys that are tried at once. */
const AT_ONCE = 16;
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

/** Sends one request, and tells what it came to. */
async function tell(gateways: Gateways, gateway: number, key: string, method: string, path: string, body?: object) {
  const fromMs = Date.now();
  const told = (error: string | null, reason: string, response: Response | null, json: Record<string, unknown>) => {
    const sent: Sent = { gateway, fromMs, toMs: Date.now(), error, reason };
    return { sent, response, json };
  };
  try {
    const { response, json } = await send(gateways.url(gateway), key, method, path, body);
    const error = json.error as { code: string; message: string } | undefined;
    return told(error?.code ?? null, error?.message ?? '', response, json);
  } catch (error) {
    const { name, message } = error as Error;
    return told(name, message, null, {});
  }
}

/** Asks one gateway after the other's answer until it is over. */
export async function ask(gateways: Gateways, gateway: number, key: string, answers: Answer[], isOver: () => boolean) {
  const messages = [{ role: 'user', content: 'What does a transfer cost?' }];
  const body = { model: 'assistant', max_tokens: 4, messages };
  while (!isOver()) {
    const { sent, response, json } = await tell(gateways, gateway, key, 'POST', '/v1/chat/completions', body);
    const version = Number(response?.headers.get('x-adapter')?.split('@')[1] ?? Number.NaN);
    answers.push({ ...sent, id: (json.id as string | undefined) ?? null, version: version || null });
    if (sent.error !== null) await sleep(100);
  }
}

/** Makes keys at one gateway until it is over. */
export async function write(gateways: Gateways, gateway: number, writes: Write[], isOver: () => boolean) {
  for (let n = 0; !isOver(); n++) {
    const body = { label: `k${n}`, scopes: ['inference'] };
    const { admin } = gateways.keys;
    const { sent, json } = await tell(gateways, gateway, admin, 'POST', '/admin/tenants/free/keys', body);
    writes.push({ ...sent, secret: (json.secret as string | undefined) ?? null });
    await sleep(250);
  }
}

/** Asks for answers behind their requests. @returns the ids of those that were acknowledged */
export async function askBehind(gateways: Gateways, gateway: number, count: number): Promise<string[]> {
  const body = { model: 'assistant', input: 'Tell me about transfers.', max_output_tokens: 100, background: true };
  const asked = Array.from({ length: count }, () =>
    tell(gateways, gateway, gateways.keys.free, 'POST', '/v1/responses', body),
  );
  return (await Promise.all(asked)).flatMap(({ json }) => (json.id as string | undefined) ?? []);
}

/** Of answers behind their requests, those that a gateway does not have. */
export async function unanswered(gateways: Gateways, gateway: number, ids: readonly string[]): Promise<string[]> {
  const seen = ids.map((id) => tell(gateways, gateway, gateways.keys.free, 'GET', `/v1/responses/${id}`));
  const states = (await Promise.all(seen)).map(({ json }) => json.status);
  return ids.filter((_, i) => states[i] !== 'completed');
}

/** Makes a version stable at one gateway, and waits until others have it. @returns null where it was not acknowledged */
export async function promote(gateways: Gateways, at: number, version: number, among: readonly number[] = GATEWAYS) {
  const path = '/admin/tenants/free/deployments/assistant';
  const { admin } = gateways.keys;
  const body = { adapter: 'support', stableVersion: version, instructions: '', retrieval };
  const { sent } = await tell(gateways, at, admin, 'PUT', path, body);
  if (sent.error !== null) return null;
  const reached = (gateway: number) =>
    until(`version ${version}, promoted at gateway ${at}, at gateway ${gateway}`, REACH_MS, async () => {
      const seen = await tell(gateways, gateway, admin, 'GET', path);
      return seen.json.stableVersion === version ? Date.now() - sent.toMs : null;
    });
  const spreadMs = Math.max(...(await Promise.all(among.map(reached))));
  return { version, askedMs: sent.fromMs, acknowledgedMs: sent.toMs, spreadMs };
}

/** Of secrets, those that a gateway does not know. */
export async function unknownKeys({ url }: Gateways, gateway: number, secrets: readonly string[]): Promise<number> {
  let unknown = 0;
  const left = [...secrets];
  const look = async () => {
    for (let secret = left.pop(); secret !== undefined; secret = left.pop()) {
      const { response } = await send(url(gateway), secret, 'GET', '/v1/key');
      if (response.status !== 200) unknown += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, look));
  return unknown;
}
