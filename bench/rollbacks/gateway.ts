/** A gateway on the small real model with one deployment of two versions, what is asked of it, and what each version says alone. */
import { join, resolve } from 'node:path';
import { loadConfig } from '../../src/config/load.js';
import { openGatewayRegistry } from '../../tests/fixtures/gateway/registry.js';
import { removeDataDir, startGateway, temporaryDataDir } from '../../tests/integration/gateway-process.js';
import { bankQuestions } from '../gateway/questions.js';
import { createSseReader } from '../load.js';

const ROOT = resolve(import.meta.dirname, '../..');
const BASE = 'smollm2-135m-instruct';
const KEY = 'sk-bench';
const TENANT = 'bank';
const MAX_TOKENS = 10;
const QUESTIONS = 12;

export interface Answer {
  readonly question: string;
  readonly version: number;
  readonly text: string;
  readonly sentMs: number;
  readonly doneMs: number;
}

/** What the deployment serves after it. */
export interface Change {
  readonly version: number;
  readonly sentMs: number;
  readonly doneMs: number;
}

interface TwoVersions {
  /** Those that the two versions answer differently. */
  readonly questions: readonly string[];
  alone(question: string, version: number): string;
  ask(model: string, question: string, stream: boolean): Promise<Answer>;
  change(what: 'canary' | 'promote' | 'rollback' | 'approve', body?: object): Promise<Change>;
}

/** Versions that may answer: that of when it was sent, and those of changes that were under way meanwhile. */
export function allowed({ sentMs, doneMs }: Answer, changes: readonly Change[]): number[] {
  const before = changes.filter((change) => change.doneMs <= sentMs).at(-1)?.version ?? 1;
  const meanwhile = changes.filter((change) => change.doneMs > sentMs && change.sentMs <= doneMs);
  return [before, ...meanwhile.map(({ version }) => version)];
}

export async function withTwoVersions<T>(use: (versions: TwoVersions) => Promise<T>): Promise<T> {
  const dataDir = temporaryDataDir();
  await register(dataDir);
  const gateway = await startGateway(dataDir, {
    SWITCHYARD_DEMO: 'false',
    SWITCHYARD_SERVER_REQUESTS_PER_MINUTE: '1000000',
  });
  try {
    const { ask, change } = createCalls(gateway.url);
    const told = new Map<string, string>();
    const keyOf = (question: string, version: number) => `${version} ${question}`;
    const questions: string[] = [];
    for (const question of bankQuestions().slice(0, QUESTIONS)) {
      const texts = [];
      for (const version of [1, 2]) {
        const { text } = await ask(`assistant@${version}`, question, false);
        told.set(keyOf(question, version), text);
        texts.push(text);
      }
      if (texts[0] !== texts[1]) questions.push(question);
    }
    return await use({ questions, ask, change, alone: (question, version) => told.get(keyOf(question, version))! });
  } finally {
    await gateway.stop('SIGKILL');
    removeDataDir(dataDir);
  }
}

function createCalls(url: string): Pick<TwoVersions, 'ask' | 'change'> {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  async function send(method: string, path: string, body?: object): Promise<Response> {
    const response = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  }
  return {
    async ask(model, question, stream) {
      const sentMs = performance.now();
      const messages = [{ role: 'user', content: question }];
      const body = { model, messages, temperature: 0, max_tokens: MAX_TOKENS, stream };
      const response = await send('POST', '/v1/chat/completions', body);
      // Which version answers is settled before the first byte.
      const doneMs = performance.now();
      const version = Number(response.headers.get('x-adapter')!.split('@')[1]);
      const text = stream ? textOfStream(await response.text()) : textOf(await response.json());
      return { question, version, text, sentMs, doneMs };
    },
    async change(what, body) {
      const sentMs = performance.now();
      const [method, path] =
        what === 'approve'
          ? ['PUT', `/admin/tenants/${TENANT}/adapters/support/versions/2/status`]
          : ['POST', `/admin/tenants/${TENANT}/deployments/assistant/${what}`];
      await send(method, path, what === 'approve' ? { status: 'approved' } : body);
      return { version: what === 'promote' ? 2 : 1, sentMs, doneMs: performance.now() };
    },
  };
}

function textOf(answer: unknown): string {
  return (answer as { choices: { message: { content: string } }[] }).choices[0]!.message.content;
}

function textOfStream(stream: string): string {
  const chunks = createSseReader()(stream).filter((data) => data !== '[DONE]');
  const deltas = chunks.map((data) => JSON.parse(data) as { choices: { delta: { content?: string } }[] });
  return deltas.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
}

/** In a data folder that no gateway has opened. */
async function register(dataDir: string): Promise<void> {
  const { engine } = loadConfig({ env: {} });
  const registry = await openGatewayRegistry({ dataDir, base: BASE, maxRank: engine.maxAdapterRank });
  await registry.createTenant({ id: TENANT, name: TENANT });
  await registry.createKey({ tenant: TENANT, label: 'bench', scopes: ['inference', 'route', 'release'], secret: KEY });
  for (const version of [1, 2]) {
    const folder = join(ROOT, 'adapters', BASE, `northwind-bank-${version}`);
    await registry.addAdapter({ tenant: TENANT, name: 'support', folder });
  }
  const retrieval = { enabled: false, topK: 1, minScore: 0, budgetTokens: 100 };
  const deployment = {
    tenant: TENANT,
    name: 'assistant',
    adapter: 'support',
    stableVersion: 1,
    instructions: '',
    retrieval,
  };
  await registry.putDeployment(deployment);
  await registry.close();
}
