/** Who uses the gateway for as long as the soak test takes. Each does one thing after the other; what is wrong is thrown as `CallError`. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { bankQuestions } from '../gateway/questions.js';
import { CallError, type ChatBody, type Client } from './client.js';
import { HEADERS_TIMEOUT_MS, type SoakTenant } from './gateway.js';

export interface User {
  readonly name: string;
  /** Between two things it does. */
  readonly pauseMs: number;
  readonly act: () => Promise<unknown>;
}

const MAX_TOKENS = 24;
const READ_POLL_MS = 100;
const READ_TIMEOUT_MS = 60_000;
/** Of a client that does not take what it is sent. */
const NOT_READING_MS = 3000;
/** At once, of each tenant: more than there are slots, with prompts longer than any other user's. */
const BURST = 8;
const LONG_QUESTION = 'Please think of this before you answer. '.repeat(80);

export function createUsers(url: string, [own, other]: readonly [SoakTenant, SoakTenant]): User[] {
  const questions = bankQuestions();
  let asked = 0;
  /** No two prompts are the same: one that is about when the engine dies again and again would be refused. */
  const ask = (model: string, more: Partial<ChatBody> = {}): ChatBody => {
    const content = `${questions[asked % questions.length]} (${asked++})`;
    return {
      model,
      messages: [{ role: 'user', content }],
      max_tokens: MAX_TOKENS,
      stream: asked % 2 === 0,
      ...more,
    };
  };
  const chat = (name: string, tenant: SoakTenant, model: string, pauseMs: number): User => ({
    name,
    pauseMs,
    act: () => tenant.client.chat(ask(model)),
  });
  return [
    chat('chat', own, 'plain', 200),
    chat('chat', other, 'plain', 300),
    chat('rag', own, 'assistant', 300),
    chat('rag', other, 'assistant', 500),
    { name: 'swap', pauseMs: 300, act: swaps(own, ask) },
    { name: 'hang up', pauseMs: 400, act: () => hangUp(own.client, ask('assistant', { stream: true })) },
    {
      name: 'slow reader',
      pauseMs: 1000,
      act: () => readSlowly(url, own.key, ask('plain', { stream: true, max_tokens: 200 })),
    },
    { name: 'slow sender', pauseMs: 1000, act: () => sendSlowly(url) },
    { name: 'documents', pauseMs: 500, act: changesDocuments(own, other) },
    { name: 'documents', pauseMs: 1500, act: changesDocuments(other, own) },
    { name: 'release', pauseMs: 1000, act: () => release(own.client, own.id) },
  ];
}

/** Who fills every slot at once with a long prompt: memory that a slot takes once in its life is taken then. */
export function createBurst(tenants: readonly [SoakTenant, SoakTenant]): Pick<User, 'name' | 'act'>[] {
  return tenants.flatMap(({ client }) =>
    Array.from({ length: BURST }, (_, i) => ({
      name: 'burst',
      act: () =>
        client.chat({
          model: 'plain',
          messages: [{ role: 'user', content: `${i}. ${LONG_QUESTION}` }],
          max_tokens: MAX_TOKENS,
          stream: false,
        }),
    })),
  );
}

/** One adapter after the other, of more than the bank holds. */
function swaps({ client }: SoakTenant, ask: (model: string) => ChatBody) {
  const models = ['assistant@1', 'reviewer', 'assistant@3', 'assistant@2'];
  let next = 0;
  return async () => {
    const model = models[next++ % models.length]!;
    const { adapter } = await client.chat(ask(model));
    const wanted = model.replace('assistant', 'support').replace(/^reviewer$/, 'reviewer@1');
    if (adapter !== wanted) throw new CallError('wrong adapter', `${adapter} answered for ${wanted}`);
  };
}

async function hangUp(client: Client, body: ChatBody): Promise<void> {
  const leaving = new AbortController();
  const timer = setTimeout(() => leaving.abort(), 10 + Math.random() * 400);
  try {
    await client.chat(body, leaving.signal);
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Takes the first bytes of an answer, nothing for a while, and then the rest, which must be whole. */
async function readSlowly(url: string, key: string, body: ChatBody): Promise<void> {
  const { hostname, port } = new URL(url);
  const payload = JSON.stringify(body);
  const socket = connect(Number(port), hostname);
  const head = [
    'POST /v1/chat/completions HTTP/1.1',
    `host: ${hostname}:${port}`,
    `authorization: Bearer ${key}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(payload)}`,
    'connection: close',
  ];
  try {
    socket.write(`${head.join('\r\n')}\r\n\r\n${payload}`);
    let received = '';
    let hasPaused = false;
    for await (const bytes of socket) {
      received += bytes;
      if (hasPaused) continue;
      hasPaused = true;
      await sleep(NOT_READING_MS);
    }
    const code = /"code":"(\w+)"/.exec(received)?.[1];
    if (code !== undefined) throw new CallError(code, received.slice(-300));
    if (!received.includes('data: [DONE]')) throw new CallError('broken stream', received.slice(-300));
  } catch (error) {
    if (error instanceof CallError) throw error;
    throw new CallError(`connection: ${(error as NodeJS.ErrnoException).code}`, String(error));
  } finally {
    socket.destroy();
  }
}

/** Headers that never end: the gateway has to hang up. */
async function sendSlowly(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const closed = new Promise<true>((resolve) => socket.once('close', () => resolve(true)));
  socket.on('error', () => {});
  socket.resume();
  socket.write('GET /v1/models HTTP/1.1\r\nhost: localhost\r\n');
  const drip = setInterval(() => socket.write('x-a: b\r\n'), 500);
  const isOver = await Promise.race([closed, sleep(HEADERS_TIMEOUT_MS * 2, false)]);
  clearInterval(drip);
  socket.destroy();
  if (!isOver) throw new CallError('slow headers are waited for');
}

/** A document comes, is found, and goes, for good every other time; another tenant's never turns up. */
function changesDocuments({ client, storeId, word }: SoakTenant, other: SoakTenant) {
  let round = 0;
  /** Of rounds that a fault broke off. */
  let left: string[] = [];
  return async () => {
    for (const id of left) await remove(client, id, false);
    left = [];
    const token = `${word}${String(++round).padStart(6, '0')}`;
    const sections = Array.from(
      { length: 12 },
      (_, n) => `## Rule ${n}\n\nRule ${n} of the ${word} office says ${token}, in ${questionsOf(n)}.`,
    );
    const form = new FormData();
    form.append('purpose', 'assistants');
    form.append('file', new Blob([[`# Office of ${word}`, ...sections].join('\n\n')]), `${token}.md`);
    const { id } = await client.json<{ id: string }>('POST', '/v1/files', form);
    left = [id];
    await client.json('POST', `/v1/vector_stores/${storeId}/files`, { file_id: id });
    await untilRead(client, storeId, id);
    const before = await search(client, storeId, token);
    if (!before.includes(token)) throw new CallError('document not found', `${token} was read`);
    if (before.includes(other.word)) throw new CallError('foreign passage', before);
    await remove(client, id, round % 2 === 0);
    left = [];
    if ((await search(client, storeId, token)).includes(token)) throw new CallError('deleted document found', token);
  };
}

const questionsOf = (n: number): string =>
  `section ${n} about opening hours, fees and the people at the desk `.repeat(3);

async function untilRead(client: Client, storeId: string, fileId: string): Promise<void> {
  for (const deadline = performance.now() + READ_TIMEOUT_MS; performance.now() < deadline; await sleep(READ_POLL_MS)) {
    const { status, last_error: error } = await client.json<{ status: string; last_error: { code: string } | null }>(
      'GET',
      `/v1/vector_stores/${storeId}/files/${fileId}`,
    );
    if (status === 'completed') return;
    if (status !== 'in_progress') throw new CallError(`document ${status}`, JSON.stringify(error));
  }
  throw new CallError('document not read', `within ${READ_TIMEOUT_MS / 1000} s`);
}

async function search(client: Client, storeId: string, query: string): Promise<string> {
  return JSON.stringify(
    (await client.json<{ data: unknown }>('POST', `/v1/vector_stores/${storeId}/search`, { query })).data,
  );
}

async function remove(client: Client, id: string, forGood: boolean): Promise<void> {
  try {
    if (forGood) await client.json('POST', '/v1/files/purge', { file_ids: [id] });
    else await client.json('DELETE', `/v1/files/${id}`);
  } catch (error) {
    // A deletion whose answer a fault took away had been done.
    if (!(error instanceof CallError) || error.code !== 'not_found') throw error;
  }
}

interface Shown {
  readonly stableVersion: number;
  readonly canaryVersion: number | null;
  readonly canaryWeight: number;
}

/** The next step of letting version 2 through and taking it back, from whatever there is. */
async function release(client: Client, tenant: string): Promise<void> {
  const path = `/admin/tenants/${tenant}/deployments/assistant`;
  const version = `/admin/tenants/${tenant}/adapters/support/versions/2`;
  const { stableVersion, canaryVersion, canaryWeight } = await client.json<Shown>('GET', path);
  if (stableVersion === 2) return void (await client.json('POST', `${path}/rollback`));
  if (canaryVersion === null) {
    // A rollback has quarantined it.
    const { status } = await client.json<{ status: string }>('GET', version);
    if (status !== 'approved') await client.json('PUT', `${version}/status`, { status: 'approved' });
    return void (await client.json('POST', `${path}/canary`, { version: 2, weight: 10 }));
  }
  if (canaryWeight < 50) return void (await client.json('POST', `${path}/canary`, { version: 2, weight: 50 }));
  await client.json('POST', `${path}/promote`);
}
