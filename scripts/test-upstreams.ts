// Real servers behind a real gateway: `npm run test:upstreams -- [llama-server] [vllm]`. 16 adapters, each replaced under its
// name again and again while all are asked; every answer must be what its version gives alone. Before that, what the gateway
// and the server say to each other is compared with what `npm test` has of it (`RECORD=1` writes that anew), and for vLLM
// the guides' commands are run. What a server needs is installed once, as by `npm run bench -- peers`, whose parts these are.
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writePeerAdapters } from '../bench/peers/adapters.js';
import { LLAMA_BUILD, llamaServer } from '../bench/peers/llama-server.js';
import { fetchModelFile } from '../bench/peers/model-file.js';
import { CONTEXT_TOKENS, type PeerContext } from '../bench/peers/peer.js';
import { VLLM_VERSION } from '../bench/peers/vllm.js';
import { loadConfig } from '../src/config/load.js';
import { readBaseManifest } from '../src/layouts/manifest.js';
import { exportAdapters } from '../src/model-import/lora/gguf-form.js';
import { openGatewayRegistry } from '../tests/fixtures/gateway/registry.js';
import { type GatewayProcess, MODELS, startGateway } from '../tests/integration/gateway-process.js';
import { replaceUnderLoad } from './upstreams/churn.js';
import { runGuide } from './upstreams/guide.js';
import { ask } from './upstreams/record.js';
import { runThreeGateways } from './upstreams/three-gateways.js';
import { vllmByGuide } from './upstreams/vllm.js';

const BASE = 'smollm2-135m-instruct';
const TENANT = 'churn';
const KEY = 'sk-churn';
const NAMES = Number(process.env.CHURN_ADAPTERS ?? 16);
/** Contents that each name has had. */
const VERSIONS = 2;
/** Requests that a server computes at once. With one nothing is rounded by who else is there: every answer has to be as alone. */
const SLOTS = Number(process.env.CHURN_SLOTS ?? 8);
/** Of adapters: each answers otherwise than all others. */
const STRENGTH = 3 / 16;
/** What a busy machine may take; nothing here is about speed. */
const PATIENCE = {
  SWITCHYARD_UPSTREAM_FIRST_TOKEN_TIMEOUT_MS: '600000',
  SWITCHYARD_UPSTREAM_STALL_TIMEOUT_MS: '600000',
  SWITCHYARD_UPSTREAM_ADAPTER_LOAD_TIMEOUT_MS: '600000',
  SWITCHYARD_SERVER_REQUEST_TIMEOUT_MS: '900000',
};

type Dialect = 'llama-server' | 'vllm';

interface Upstream {
  /** Name and version. */
  readonly label: string;
  install(context: PeerContext): Promise<void>;
  start(context: PeerContext): Promise<{ readonly url: string; stop(): Promise<void> }>;
  /** More that is to be shown of it. */
  show?(url: string, patience: Record<string, string>, say: (line: string) => void): Promise<void>;
}

const UPSTREAMS: Readonly<Record<Dialect, Upstream>> = {
  'llama-server': { ...llamaServer, label: `llama.cpp ${LLAMA_BUILD}` },
  vllm: {
    ...vllmByGuide,
    label: `vLLM ${VLLM_VERSION}`,
    async show(url, patience, say) {
      await runGuide(url, patience, say);
      await runThreeGateways(url, patience, say);
    },
  },
};
const nameOf = (index: number): string => `assistant-${index + 1}`;

async function run(dialect: Dialect, upstream: Upstream): Promise<boolean> {
  const startedMs = performance.now();
  const say = (line: string): void => {
    process.stdout.write(`${String(Math.round((performance.now() - startedMs) / 1000)).padStart(4)} s  ${line}\n`);
  };
  const dataDir = mkdtempSync(join(tmpdir(), 'switchyard-upstreams-'));
  symlinkSync(MODELS, join(dataDir, 'models'));
  let server: { readonly url: string; stop(): Promise<void> } | undefined;
  let gateway: GatewayProcess | undefined;
  try {
    const context = await prepare(dataDir, say);
    await upstream.install(context);
    server = await upstream.start(context);
    say(`${dialect} is ready`);
    await ask({ dialect, server: upstream.label, url: server.url, context }, process.env.RECORD === '1');
    await upstream.show?.(server.url, PATIENCE, say);
    gateway = await startGateway(dataDir, {
      SWITCHYARD_DEMO: 'false',
      SWITCHYARD_ENGINE_CONTEXT_TOKENS: String(CONTEXT_TOKENS),
      SWITCHYARD_SERVER_REQUESTS_PER_MINUTE: '1000000',
      SWITCHYARD_UPSTREAM_URLS: server.url,
      SWITCHYARD_UPSTREAM_DIALECT: dialect,
      SWITCHYARD_UPSTREAM_ADAPTER_SLOTS: String(NAMES / 2),
      ...PATIENCE,
    });
    const names = Array.from({ length: NAMES }, (_, i) => nameOf(i));
    const { asked, replaced, wrong, differing, inGroups, again } = await replaceUnderLoad({
      ...{ url: gateway.url, tenant: TENANT, key: KEY, names, versions: VERSIONS, say },
    });
    const told = again > 0 ? `, ${again} were told to come again` : '';
    say(
      `${dialect}: ${asked} answers while ${replaced} adapters were replaced: ${wrong} wrong, ${differing} differ from what their version gives alone, ${inGroups} of these it gives in groups of its own${told}`,
    );
    return wrong === 0 && (SLOTS > 1 || differing === 0);
  } finally {
    await gateway?.stop();
    await server?.stop();
    rmSync(dataDir, { recursive: true });
  }
}

/** The adapters, compiled and registered as versions of their names, and as the files that llama-server is started with. */
async function prepare(dataDir: string, say: (line: string) => void): Promise<PeerContext> {
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
  say(`${adapters.length} adapters`);
  const modelFile = await fetchModelFile(config, say);
  return { modelFile, modelDir, manifest, adapters, workDir: dataDir, threads: 1, slots: SLOTS, say };
}

const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(UPSTREAMS)) {
  if (!(name in UPSTREAMS)) throw new Error(`${name} is none of ${Object.keys(UPSTREAMS).join(', ')}`);
  const dialect = name as Dialect;
  if (!(await run(dialect, UPSTREAMS[dialect]))) process.exitCode = 1;
}
