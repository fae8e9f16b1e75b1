/** Three gateways on the small real model over one PostgreSQL that another server follows: the third one by way of a proxy, and with a clock of its own. */
import { join, resolve } from 'node:path';
import { openGatewayRegistry } from '../../tests/fixtures/gateway/registry.js';
import { type DroppingProxy, startProxy } from '../../tests/fixtures/postgres/proxy.js';
import { type PostgresServer, type Standby, startPostgres } from '../../tests/fixtures/postgres/server.js';
import {
  type GatewayProcess,
  removeDataDir,
  startGateway,
  temporaryDataDir,
} from '../../tests/integration/gateway-process.js';
import { inTime } from './until.js';

export const GATEWAYS = [0, 1, 2] as const;
/** How far the third one's clock is ahead. */
export const SKEW_MS = 2000;
export const TOKENS_A_MINUTE = 1500;
const START_MS = 120_000;
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
  readonly standby: Standby;
  /** Where the gateways find the database, whichever server has it. */
  readonly address: DroppingProxy;
  /** Between that and the third gateway. */
  readonly network: DroppingProxy;
  readonly keys: Keys;
  readonly dataDirs: readonly string[];
  /** As the owner of the database, at the server that followed. */
  readonly standbyUrl: string;
  url(index: number): string;
  start(index: number): Promise<void>;
  kill(index: number): Promise<void>;
  close(): Promise<void>;
}

export async function startGateways(): Promise<Gateways> {
  const postgres = await startPostgres();
  const direct = await postgres.createEmptyDatabase();
  const standby = await postgres.follow();
  const address = await startProxy(direct);
  const network = await startProxy(address.url);
  const dataDirs = GATEWAYS.map(temporaryDataDir);
  const running: GatewayProcess[] = [];
  const start = async (index: number) => {
    const starting = startGateway(dataDirs[index]!, {
      SWITCHYARD_DEMO: 'false',
      SWITCHYARD_ENGINE_CONTEXT_TOKENS: '1024',
      SWITCHYARD_ENGINE_THREADS: '1',
      SWITCHYARD_SERVER_LOG_LEVEL: 'error',
      SWITCHYARD_REGISTRY_URL: index === 2 ? network.url : address.url,
      ...(index === 2 && { NODE_OPTIONS: `--import=${SKEW}` }),
    });
    running[index] = await inTime(`the start of gateway ${index}`, START_MS, starting);
  };
  const close = async () => {
    await Promise.all(running.map((gateway) => gateway.stop('SIGKILL')));
    await network.close();
    await address.close();
    await postgres.close();
    for (const dataDir of dataDirs) removeDataDir(dataDir);
  };
  try {
    const keys = await register(dataDirs[0]!);
    // What the first one has is the registry from then on.
    await start(0);
    await Promise.all([start(1), start(2)]);
    return {
      ...{ postgres, standby, address, network, keys, dataDirs, start, close },
      standbyUrl: standby.ownerUrl(new URL(direct).pathname.slice(1)),
      url: (index) => running[index]!.url,
      async kill(index) {
        await running[index]!.stop('SIGKILL');
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
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
