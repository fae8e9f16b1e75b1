/** Three gateways on the small real model over one PostgreSQL: the third by way of a proxy, and with a clock of its own. */
import { join, resolve } from 'node:path';
import { openGatewayRegistry } from '../../tests/fixtures/gateway/registry.js';
import { type DroppingProxy, startProxy } from '../../tests/fixtures/postgres/proxy.js';
import { type PostgresServer, startPostgres } from '../../tests/fixtures/postgres/server.js';
import {
  type GatewayProcess,
  removeDataDir,
  startGateway,
  temporaryDataDir,
} from '../../tests/integration/gateway-process.js';

export const GATEWAYS = [0, 1, 2] as const;
/** How far the third one's clock is ahead. */
export const SKEW_MS = 2000;
export const TOKENS_A_MINUTE = 1500;
const BASE = 'smollm2-135m-instruct';
const ADAPTERS = resolve(import.meta.dirname, '../../adapters', BASE);
const SKEW = `data:text/javascript,${encodeURIComponent(`const now=Date.now;Date.now=()=>now()+${SKEW_MS}`)}`;

interface Keys {
  /** Of the tenant whose deployment changes, of one with a limit, and an operator's. */
  readonly free: string;
  readonly limited: string;
  readonly admin: string;
}

export interface Gateways {
  readonly postgres: PostgresServer;
  readonly proxy: DroppingProxy;
  readonly keys: Keys;
  readonly dataDirs: readonly string[];
  url(index: number): string;
  start(index: number): Promise<void>;
  kill(index: number): Promise<void>;
  close(): Promise<void>;
}

export async function startGateways(): Promise<Gateways> {
  const postgres = await startPostgres();
  const direct = await postgres.createEmptyDatabase();
  const proxy = await startProxy(direct);
  const dataDirs = GATEWAYS.map(temporaryDataDir);
  const keys = await register(dataDirs[0]!);
  const running: GatewayProcess[] = [];
  const start = async (index: number) => {
    const known = running[index];
    running[index] = await startGateway(dataDirs[index]!, {
      SWITCHYARD_DEMO: 'false',
      SWITCHYARD_ENGINE_CONTEXT_TOKENS: '1024',
      SWITCHYARD_ENGINE_THREADS: '1',
      SWITCHYARD_SERVER_LOG_LEVEL: 'error',
      SWITCHYARD_REGISTRY_URL: index === 2 ? proxy.url : direct,
      ...(known && { PORT: new URL(known.url).port }),
      ...(index === 2 && { NODE_OPTIONS: `--import=${SKEW}` }),
    });
  };
  const gateways: Gateways = {
    ...{ postgres, proxy, keys, dataDirs, start },
    url: (index) => running[index]!.url,
    async kill(index) {
      await running[index]!.stop('SIGKILL');
    },
    async close() {
      await Promise.all(running.map((gateway) => gateway.stop()));
      await proxy.close();
      await postgres.close();
      for (const dataDir of dataDirs) removeDataDir(dataDir);
    },
  };
  try {
    for (const index of GATEWAYS) await start(index);
  } catch (error) {
    await gateways.close();
    throw error;
  }
  return gateways;
}

/** Two tenants, in a data folder that no gateway has opened; the other gateways begin with nothing. */
async function register(dataDir: string): Promise<Keys> {
  const registry = await openGatewayRegistry({ dataDir, base: BASE, maxRank: 16 });
  const retrieval = { enabled: false, topK: 3, minScore: 0, budgetTokens: 400 };
  for (const tenant of ['free', 'limited']) {
    await registry.createTenant({ id: tenant, name: tenant });
    for (const version of [1, 2]) {
      await registry.addAdapter({ tenant, name: 'support', folder: join(ADAPTERS, `northwind-bank-${version}`) });
    }
    const deployment = { name: 'assistant', adapter: 'support', stableVersion: 1, instructions: '', retrieval };
    await registry.putDeployment({ tenant, ...deployment });
  }
  await registry.putLimits({ tenant: 'limited', keyId: null, limits: { tokensPerMinute: TOKENS_A_MINUTE } });
  const keyOf = async (tenant: string, scope: 'inference' | 'admin') =>
    (await registry.createKey({ tenant, label: 'bench', scopes: [scope] })).secret;
  const keys = {
    free: await keyOf('free', 'inference'),
    limited: await keyOf('limited', 'inference'),
    admin: await keyOf('free', 'admin'),
  };
  await registry.close();
  return keys;
}
