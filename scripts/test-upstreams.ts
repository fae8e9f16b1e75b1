// Real servers behind a real gateway: `npm run test:upstreams -- [llama-server] [vllm]`. 16 adapters, each replaced under its
// name again and again while all are asked; every answer must be what its version gives alone. What a server needs is
// installed once, as by `npm run bench -- peers`, whose parts these are.
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writePeerAdapters } from '../bench/peers/adapters.js';
import { llamaServer } from '../bench/peers/llama-server.js';
import { fetchModelFile } from '../bench/peers/model-file.js';
import { CONTEXT_TOKENS, type Peer, type PeerContext, type PeerServer } from '../bench/peers/peer.js';
import { loadingVllm } from '../bench/peers/vllm.js';
import { loadConfig } from '../src/config/load.js';
import { createRandom } from '../src/engine/process/random.js';
import { readBaseManifest } from '../src/layouts/manifest.js';
import { exportAdapters } from '../src/model-import/lora/gguf-form.js';
import { openGatewayRegistry } from '../tests/fixtures/gateway/registry.js';
import { type GatewayProcess, MODELS, startGateway } from '../tests/integration/gateway-process.js';

const BASE = 'smollm2-135m-instruct';
const TENANT = 'churn';
const KEY = 'sk-churn';
const NAMES = Number(process.env.CHURN_ADAPTERS ?? 16);
/** Contents that each name has had. */
const VERSIONS = 2;
/** Of adapters: each answers otherwise than all others. */
const STRENGTH = 1 / 8;
const CALLERS = 8;
const REQUESTS = 200;
const ANSWER_TOKENS = 10;
/** Of the answers, those during which a name is given other content. */
const REPLACED_SHARE = 0.1;
const PROMPTS = ['The branch opens at', 'To bake bread you need'];
const POLL_MS = 100;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

interface Answer {
  readonly adapter: string;
  readonly text: string;
}

async function churn(dialect: string, peer: Peer) {
  const dataDir = mkdtempSync(join(tmpdir(), 'switchyard-upstreams-'));
  symlinkSync(MODELS, join(dataDir, 'models'));
  let server: PeerServer | undefined;
  let gateway: GatewayProcess | undefined;
  try {
    const context = await prepare(dataDir);
    await peer.install(context);
    server = await peer.start(context);
    gateway = await startGateway(dataDir, {
      SWITCHYARD_DEMO: 'false',
      SWITCHYARD_ENGINE_CONTEXT_TOKENS: String(CONTEXT_TOKENS),
      SWITCHYARD_SERVER_REQUESTS_PER_MINUTE: '1000000',
      SWITCHYARD_UPSTREAM_URLS: server.url,
      SWITCHYARD_UPSTREAM_DIALECT: dialect,
      SWITCHYARD_UPSTREAM_ADAPTER_SLOTS: String(NAMES / 2),
    });
    return await replaceUnderLoad(gateway.url);
  } finally {
    await gateway?.stop();
    await server?.stop();
    rmSync(dataDir, { recursive: true });
  }
}

/** The adapters, compiled and registered as versions of their names, and as the files that llama-server is started with. */
async function prepare(dataDir: string): Promise<PeerContext> {
  const config = loadConfig({ env: { SWITCHYARD_MODELS_BASE: BASE } });
  const modelDir = join(dataDir, 'models', BASE);
  const manifest = await readBaseManifest(modelDir);
  const folders = writePeerAdapters(join(dataDir, 'peft'), manifest, NAMES * VERSIONS, STRENGTH);
  const registry = await openGatewayRegistry({ dataDir, base: BASE, maxRank: config.engine.maxAdapterRank });
  await registry.createTenant({ id: TENANT, name: TENANT });
  await registry.createKey({ tenant: TENANT, label: 'test', scopes: ['inference', 'route', 'admin'], secret: KEY });
  const adapters = [];
  for (const [i, { peftFolder }] of folders.entries()) {
    const name = nameOf(i % NAMES);
    const { digest } = await registry.addAdapter({ tenant: TENANT, name, folder: peftFolder });
    const [exported] = await exportAdapters(dataDir, manifest, dataDir, [digest]);
    adapters.push({ name: digest, peftFolder, ggufFile: exported!.file });
  }
  await registry.close();
  const modelFile = await fetchModelFile(config, say);
  return { modelFile, modelDir, manifest, adapters, workDir: dataDir, say };
}

const nameOf = (index: number): string => `assistant-${index + 1}`;

async function replaceUnderLoad(url: string) {
  const send = async (method: string, path: string, body: object): Promise<Response> => {
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const deploy = (name: string, stableVersion: number) => {
    const retrieval = { enabled: false, topK: 1, minScore: 0, budgetTokens: 1 };
    const body = { adapter: name, stableVersion, instructions: '', retrieval };
    return send('PUT', `/admin/tenants/${TENANT}/deployments/${name}`, body);
  };
  const ask = async (model: string, prompt: string): Promise<Answer> => {
    const body = { model, prompt, max_tokens: ANSWER_TOKENS, temperature: 0 };
    const response = await send('POST', '/v1/completions', body);
    const { choices } = (await response.json()) as { choices: { text: string }[] };
    return { adapter: response.headers.get('x-adapter')!, text: choices[0]!.text };
  };

  while (!(await fetch(`${url}/readyz`)).ok) await sleep(POLL_MS);
  const names = Array.from({ length: NAMES }, (_, i) => nameOf(i));
  const alone = new Map<string, string>();
  for (const name of names) {
    await deploy(name, 1);
    for (let version = 1; version <= VERSIONS; version++) {
      for (const prompt of PROMPTS) {
        const { adapter, text } = await ask(`${name}@${version}`, prompt);
        alone.set(`${adapter} ${prompt}`, text);
      }
    }
  }
  const different = new Set(alone.values()).size;
  say(`alone: ${alone.size} answers, ${different} of them different`);

  const random = createRandom(Number(process.env.CHURN_SEED ?? 1));
  const pick = <T>(some: readonly T[]): T => some[Math.floor(random() * some.length)]!;
  const counts = { asked: 0, replaced: 0, wrong: 0, differing: 0 };
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (counts.asked < REQUESTS) {
        counts.asked += 1;
        const [name, prompt] = [pick(names), pick(PROMPTS)];
        if (random() < REPLACED_SHARE) {
          counts.replaced += 1;
          await deploy(name, 1 + Math.floor(random() * VERSIONS));
        }
        const { adapter, text } = await ask(name, prompt);
        if (text === alone.get(`${adapter} ${prompt}`)) continue;
        counts.differing += 1;
        if (isOfAnother(alone, adapter, prompt, text)) counts.wrong += 1;
      }
    }),
  );
  say(`${Math.round((1000 * counts.asked) / (performance.now() - startedMs))} answers/s`);
  return counts;
}

/** Requests that are computed together may round otherwise than alone: an answer is wrong that is more like another adapter's. */
function isOfAnother(alone: ReadonlyMap<string, string>, adapter: string, prompt: string, text: string): boolean {
  const own = shared(text, alone.get(`${adapter} ${prompt}`)!);
  return [...alone].some(([key, other]) => key.endsWith(` ${prompt}`) && shared(text, other) > own);
}

/** Characters that two texts begin with alike. */
function shared(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}

const PEERS: Readonly<Record<string, Peer>> = { 'llama-server': llamaServer, vllm: loadingVllm };
const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(PEERS)) {
  const peer = PEERS[name];
  if (!peer) throw new Error(`${name} is none of ${Object.keys(PEERS).join(', ')}`);
  const { wrong, differing, asked, replaced } = await churn(name, peer);
  say(`${name}: ${asked} answers while ${replaced} adapters were replaced: ${wrong} wrong, ${differing} differ`);
  if (wrong > 0) process.exitCode = 1;
}
