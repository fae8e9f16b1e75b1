import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { adminRoutes } from '../../src/admin/routes.js';
import { assignArm } from '../../src/canary/assign.js';
import { stickyUnit } from '../../src/canary/sticky-unit.js';
import { openCaptures } from '../../src/captures/captures.js';
import { loadConfig } from '../../src/config/load.js';
import type { GenerateRequest, TextGenerator } from '../../src/contracts/generator.js';
import type { ModelImports } from '../../src/contracts/model-imports.js';
import { BLOCK_TOKENS, PrefixCache } from '../../src/engine/process/prefix-cache.js';
import { createEngines } from '../../src/generation/engines.js';
import { createServer } from '../../src/http/server.js';
import { createMetrics } from '../../src/metrics/metrics.js';
import { watchServices } from '../../src/metrics/watch.js';
import { scrubBehind } from '../../src/personal-data/scrub.js';
import { createPipeline } from '../../src/pipeline/pipeline.js';
import { createQuota } from '../../src/quota/quota.js';
import { createSafety } from '../../src/safety/safety.js';
import { dataFolder, startRetrieval } from '../fixtures/retrieval/retrieval.js';
import { createFakeEngine, createFakeTokenizer } from '../http/fakes.js';
import { openTestRegistry } from './registry/open.js';

/** `LEAK_RUNS=50 npx tap run tests/integration/leaks.test.ts` asks for longer. */
const RUNS = Number(process.env.LEAK_RUNS ?? 1);
const STEPS = 150;
const TENANTS = ['bank', 'shop', 'clinic'];
const GROUPS = ['hr', 'it', 'board'];
const SECRET = /zeta\d+q/g;
const ADMIN = 'sk-leaks-admin';

const clock = { now: Date.now, monotonicMs: () => performance.now() };
const secretsIn = (what: unknown) => new Set(JSON.stringify(what).match(SECRET));

/** Answers with the system message that it is given; its cache is the engine's own. */
function createEcho() {
  const fake = createFakeEngine({ contextTokens: 100_000 });
  const cache = new PrefixCache(100_000);
  /** By who may see the same, the prompts so far. */
  const known = new Map<string, string[]>();
  let caller = '';
  const systemOf = ({ prompt }: GenerateRequest) =>
    prompt.kind === 'chat'
      ? prompt.messages.map(({ role, content }) => (role === 'system' ? content : '')).join('')
      : '';
  const engine: TextGenerator = {
    ...fake,
    async *generate(request, signal) {
      const prompt = systemOf(request);
      const ids = Int32Array.from(Buffer.from(`${prompt}.`));
      const root = { tenant: request.tenant, audience: request.audience, adapter: null };
      const cached = cache.match(root, ids).places.length * BLOCK_TOKENS;
      const own = known.get(caller) ?? [];
      if (cached > 0 && !own.some((earlier) => earlier.slice(0, cached) === prompt.slice(0, cached))) {
        throw new Error('the beginning of a prompt was known that nobody of these groups had');
      }
      cache.insert(root, ids, ids.length);
      known.set(caller, [...own, prompt]);
      fake.answer([prompt]);
      yield* fake.generate(request, signal);
    },
  };
  return {
    engine,
    setCaller: (tenant: string, groups: readonly string[]) => {
      caller = JSON.stringify([tenant, [...groups].sort()]);
    },
  };
}

/** The HTTP surface, registry and retrieval process as they are; only the model is not. */
async function openGateway(t: Test) {
  const folder = dataFolder(t);
  const retrieval = await startRetrieval(folder);
  const registry = await openTestRegistry(folder);
  const lines: string[] = [];
  const config = loadConfig({ env: {}, cwd: folder });
  const metrics = createMetrics(config.metrics, clock);
  const { engine, setCaller } = createEcho();
  const safety = createSafety({ embedderId: retrieval.embedder.id, embed: async () => [], recognise: null });
  const quota = createQuota({ ...registry, requestsPerMinute: config.server.requestsPerMinute, clock });
  const engines = createEngines([['embedded', engine]]);
  const services = { engines, tokenizer: createFakeTokenizer(), retrieval, registry, quota, safety, metrics, clock };
  watchServices(metrics, services);
  const captures = openCaptures({
    ...{ dataDir: folder, registry, scrub: scrubBehind(retrieval), metrics, clock, limits: config.quality },
    onFailed: (error) => t.error(error),
  });
  const noTool = () => Promise.reject(new Error('no tool was asked for'));
  const toolCaller = { call: noTool, list: noTool, checkUrl: () => {} };
  const pipeline = createPipeline({
    ...services,
    assignArm,
    stickyUnit,
    requestTimeoutMs: 60_000,
    judge: () => {},
    capture: captures.capture,
    toolCaller,
    maxToolRounds: 1,
    maxShadows: 1,
    onRecordFailed: (error) => t.error(error),
  });
  const logDestination = { write: (line: string) => void lines.push(line) };
  const unused = { modelImports: {} as ModelImports };
  const app = await createServer({
    ...{ ...services, ...unused, captures, toolCaller, config, pipeline, adminRoutes, logDestination },
  });
  const call = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, key: string, more: object = {}) => {
    const { headers = {}, body } = more as { headers?: object; body?: object };
    const payload = body ? { payload: body } : {};
    const response = await app.inject({
      method,
      url,
      headers: { authorization: `Bearer ${key}`, ...headers },
      ...payload,
    });
    return { status: response.statusCode, text: response.body, read: () => response.json() };
  };
  const close = async () => {
    await app.close();
    await captures.close();
    await retrieval.close();
    await registry.close();
  };
  return { folder, retrieval, registry, metrics, lines, call, setCaller, close };
}

interface Document {
  readonly id: string;
  readonly secret: string;
  readonly storeId: string;
  groups: readonly string[];
}

/** Every tenant has two stores that its deployment names, and in them a document for every set of groups. */
async function openWorld(t: Test) {
  const gateway = await openGateway(t);
  const { registry, retrieval, call } = gateway;
  await registry.createTenant({ id: 'operations', name: 'operations' });
  await registry.createKey({ tenant: 'operations', label: '', scopes: ['admin'], secret: ADMIN });
  const tenants = [];
  let secrets = 0;
  for (const name of TENANTS) {
    await registry.createTenant({ id: name, name });
    const scopes = ['inference', 'documents'] as const;
    const keys = {
      documents: await registry.createKey({ tenant: name, label: '', scopes }),
      speaks: await registry.createKey({ tenant: name, label: '', scopes: [...scopes, 'groups'] }),
      hr: await registry.createKey({ tenant: name, label: '', scopes, groups: ['hr'] }),
    };
    const storeIds: string[] = [];
    for (let n = 0; n < 2; n++) storeIds.push((await retrieval.createStore(name, { name: 's', metadata: {} })).id);
    const documents = new Map<string, Document>();
    for (let n = 0; n < 8; n++) {
      const secret = `zeta${++secrets}q`;
      const groups = GROUPS.filter((_, group) => (n >> group) % 2 === 1);
      const content = Buffer.from(`# Salaries\n\nThe salary of department ${secret} is ${secrets} thousand.`);
      const file = await retrieval.createFile(name, { filename: `${secret}.md`, purpose: 'assistants', content });
      const storeId = storeIds[n % 2]!;
      await retrieval.attachFile(name, storeId, { fileId: file.id, attributes: { secret }, allowedGroups: groups });
      documents.set(file.id, { id: file.id, secret, storeId, groups });
    }
    const settings = { enabled: true, storeIds, topK: 8, minScore: 0, budgetTokens: 10_000 };
    const url = `/admin/tenants/${name}/deployments/assistant`;
    const { status } = await call('PUT', url, ADMIN, { body: { instructions: '', retrieval: settings } });
    t.equal(status, 200);
    tenants.push({ name, keys, storeIds, documents });
  }
  for (const { name, storeIds } of tenants) {
    for (const id of storeIds) {
      while ((await retrieval.getStore(name, id)).fileCounts.inProgress > 0)
        await new Promise((r) => setTimeout(r, 20));
    }
  }
  return { ...gateway, tenants };
}
type World = Awaited<ReturnType<typeof openWorld>>;

interface Caller {
  readonly key: 'speaks' | 'hr';
  readonly groups: readonly string[];
}
const caller = fc.oneof(
  { weight: 3, arbitrary: fc.subarray(GROUPS).map((groups): Caller => ({ key: 'speaks', groups })) },
  { weight: 1, arbitrary: fc.constant<Caller>({ key: 'hr', groups: ['hr'] }) },
);
const step = fc.record({
  kind: fc.constantFrom('chat', 'chat', 'stream', 'search', 'file', 'content', 'move', 'delete'),
  tenant: fc.nat(TENANTS.length - 1),
  caller,
  victim: fc.nat(),
  isOwn: fc.boolean(),
  mode: fc.constantFrom('vector', 'lexical', 'hybrid'),
  isFiltered: fc.boolean(),
  groups: fc.subarray(GROUPS),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function apply(world: World, { kind, caller, ...one }: Step): Promise<number> {
  const { call, tenants } = world;
  const own = tenants[one.tenant]!;
  const theirs = (one.isOwn ? own : tenants[(one.tenant + 1) % tenants.length]!).documents;
  const victim = [...theirs.values()][one.victim % Math.max(1, theirs.size)];
  if (!victim) return 0;
  const key = own.keys[caller.key].secret;
  const headers = caller.key === 'speaks' ? { 'x-groups': caller.groups.join() } : {};
  world.setCaller(own.name, caller.groups);
  const sees = ({ groups }: Document) => groups.length === 0 || groups.some((name) => caller.groups.includes(name));
  const isSeen = own.documents.has(victim.id) && sees(victim);
  const check = (what: unknown, inStore: string | null = null) => {
    const visible = [...own.documents.values()].filter((one) => sees(one) && (inStore ?? one.storeId) === one.storeId);
    const secrets = secretsIn(what);
    for (const secret of secrets) {
      if (visible.some((document) => document.secret === secret)) continue;
      throw new Error(`${secret} is shown to ${own.name} ${caller.groups} by ${kind}`);
    }
    return secrets.size;
  };
  const question = `What is the salary of department ${victim.secret}?`;
  const filters = { type: 'eq', key: 'secret', value: victim.secret };
  switch (kind) {
    case 'chat':
    case 'stream': {
      const retrieval = { mode: one.mode, ...(one.isFiltered && { filters }) };
      const body = { model: 'assistant', messages: [{ role: 'user', content: question }], retrieval };
      const answer = await call('POST', '/v1/chat/completions', key, {
        headers,
        body: { ...body, stream: kind === 'stream' },
      });
      if (answer.status !== 200) throw new Error(answer.text);
      const shown = check(answer.text);
      if (isSeen && one.mode !== 'vector' && !secretsIn(answer.text).has(victim.secret)) {
        throw new Error(`${victim.secret} is not found by ${one.mode} search`);
      }
      if (kind === 'stream') return shown;
      const { id, choices } = answer.read();
      const record = await world.registry.getAnswer(own.name, id);
      const cited = choices[0].message.context.citations.map(({ chunk_id }: { chunk_id: string }) => chunk_id);
      if (JSON.stringify(record.passages.map((passage) => passage.id)) !== JSON.stringify(cited)) {
        throw new Error('the record names other passages than the answer');
      }
      check(record);
      return shown;
    }
    case 'search': {
      const storeId = own.storeIds[one.victim % 2]!;
      const ranker = { ranking_options: { ranker: one.mode } };
      const body = { query: question, max_num_results: 50, ...ranker, ...(one.isFiltered && { filters }) };
      const found = await call('POST', `/v1/vector_stores/${storeId}/search`, key, { headers, body });
      return check(found.read().data, storeId);
    }
    case 'file':
    case 'content': {
      const url = `/v1/files/${victim.id}${kind === 'content' ? '/content' : ''}`;
      const { status, text } = await call('GET', url, key, { headers });
      if (status !== (isSeen ? 200 : 404)) throw new Error(`${status} for a file that is ${isSeen ? '' : 'not '}seen`);
      return check(text);
    }
    case 'move': {
      if (!own.documents.has(victim.id)) return 0;
      const url = `/v1/vector_stores/${victim.storeId}/files/${victim.id}`;
      const body = { allowed_groups: one.groups };
      const { status } = await call('POST', url, own.keys.documents.secret, { body });
      if (status !== 200) throw new Error(`${status} for a move`);
      victim.groups = one.groups;
      return 0;
    }
    case 'delete': {
      // Some stay.
      if (!own.documents.has(victim.id) || own.documents.size < 5) return 0;
      await call('DELETE', `/v1/files/${victim.id}`, own.keys.documents.secret);
      own.documents.delete(victim.id);
      return 0;
    }
  }
}

t.test('over HTTP no secret is shown to who may not see it, nor written where it does not belong', async (t) => {
  let shown = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: STEPS, maxLength: STEPS }), async (steps) => {
      const world = await openWorld(t);
      try {
        for (const one of steps) shown += await apply(world, one);
        const metrics = await world.metrics.render();
        t.same(secretsIn([world.lines, metrics]), new Set(), 'logs and metrics have none at all');
        t.ok(world.lines.length > STEPS / 2);
      } finally {
        await world.close();
      }
      // Documents are in documents.db, and nothing else knows of them.
      const files = readdirSync(world.folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
      const others = files.filter(({ name }) => !name.startsWith('documents.db'));
      t.ok(others.some(({ name }) => name === 'registry.db'));
      for (const { parentPath, name } of others)
        t.notMatch(readFileSync(join(parentPath, name), 'latin1'), SECRET, name);
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
  t.ok(shown > STEPS / 2, `${shown} secrets were shown to who may see them`);
});
