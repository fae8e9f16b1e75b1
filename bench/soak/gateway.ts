/** A gateway on the small real model with two tenants, on a small disk where this machine lets one be mounted. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openGatewayRegistry } from '../../tests/fixtures/gateway/registry.js';
import { MODELS, startGateway } from '../../tests/integration/gateway-process.js';
import { type Client, createClient } from './client.js';

const ROOT = resolve(import.meta.dirname, '../..');
const BASE = 'smollm2-135m-instruct';
const DISK_MB = 256;
/** Packages `faketime` of Debian and Ubuntu put it there. */
const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';
export const HEADERS_TIMEOUT_MS = 10_000;

export interface SoakTenant {
  readonly id: string;
  readonly key: string;
  readonly client: Client;
  readonly storeId: string;
  /** In all of its documents, and in none of another tenant. */
  readonly word: string;
}

export interface SoakGateway {
  readonly url: string;
  readonly pid: number;
  readonly dataDir: string;
  /** What it logged of errors, line by line. */
  readonly errors: () => readonly string[];
  readonly tenants: readonly [SoakTenant, SoakTenant];
  /** Whether its disk can be filled without harm to anybody else. */
  readonly hasOwnDisk: boolean;
  /** Moves its wall clock, and nobody else's; null where libfaketime is not installed. */
  readonly shiftClock: ((seconds: number) => void) | null;
}

export async function withSoakGateway<T>(use: (gateway: SoakGateway) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-soak-'));
  const dataDir = join(folder, 'data');
  execFileSync('mkdir', ['-m', '700', dataDir]);
  const hasOwnDisk = mountDisk(dataDir);
  try {
    symlinkSync(MODELS, join(dataDir, 'models'));
    const clockFile = join(folder, 'clock');
    const hasClock = existsSync(FAKETIME);
    const shiftClock = (seconds: number) => writeFileSync(clockFile, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    if (hasClock) shiftClock(0);
    const keys = await register(dataDir);
    const gateway = await startGateway(dataDir, {
      SWITCHYARD_DEMO: 'false',
      // Fewer than there are adapters.
      SWITCHYARD_ENGINE_ADAPTER_SLOTS: '2',
      SWITCHYARD_SERVER_HEADERS_TIMEOUT_MS: String(HEADERS_TIMEOUT_MS),
      SWITCHYARD_SERVER_LOG_LEVEL: 'error',
      ...(hasClock && {
        LD_PRELOAD: FAKETIME,
        FAKETIME_TIMESTAMP_FILE: clockFile,
        FAKETIME_CACHE_DURATION: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        NO_FAKE_STAT: '1',
      }),
    });
    try {
      const { url, pid } = gateway;
      const tenants = await Promise.all(keys.map(({ id, key }) => createTenant(url, id, key)));
      const [own, other] = tenants as [SoakTenant, SoakTenant];
      const errors = () =>
        gateway
          .output()
          .split('\n')
          .filter((line) => line.startsWith('{'));
      return await use({
        url,
        errors,
        pid,
        dataDir,
        tenants: [own, other],
        hasOwnDisk,
        shiftClock: hasClock ? shiftClock : null,
      });
    } finally {
      await gateway.stop();
    }
  } finally {
    // A parser may still be on its way out.
    if (hasOwnDisk) execFileSync('umount', ['-l', dataDir]);
    rmSync(folder, { recursive: true, force: true });
  }
}

function mountDisk(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m,mode=700`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** In a data folder that no gateway has opened. */
async function register(dataDir: string): Promise<{ readonly id: string; readonly key: string }[]> {
  const registry = await openGatewayRegistry({ dataDir, base: BASE, maxRank: 16 });
  const adapters = join(ROOT, 'adapters', BASE);
  const keys = [];
  for (const id of ['bank', 'shop']) {
    await registry.createTenant({ id, name: id });
    for (const version of [1, 2, 3]) {
      await registry.addAdapter({ tenant: id, name: 'support', folder: join(adapters, `northwind-bank-${version}`) });
    }
    await registry.addAdapter({ tenant: id, name: 'reviewer', folder: join(adapters, 'copilot-1') });
    const deployments = [
      { name: 'plain', adapter: null, stableVersion: null, enabled: false },
      { name: 'assistant', adapter: 'support', stableVersion: 1, enabled: true },
      { name: 'reviewer', adapter: 'reviewer', stableVersion: 1, enabled: false },
    ];
    for (const { enabled, ...deployment } of deployments) {
      const retrieval = { enabled, topK: 3, minScore: 0, budgetTokens: 400 };
      await registry.putDeployment({ tenant: id, ...deployment, instructions: 'Be brief.', retrieval });
    }
    const scopes = ['inference', 'documents', 'route', 'release'] as const;
    const { secret: key } = await registry.createKey({ tenant: id, label: 'soak', scopes });
    keys.push({ id, key });
  }
  await registry.close();
  return keys;
}

async function createTenant(url: string, id: string, key: string): Promise<SoakTenant> {
  const client = createClient(url, key);
  const { id: storeId } = await client.json<{ id: string }>('POST', '/v1/vector_stores', { name: 'documents' });
  return { id, key, client, storeId, word: `${id}word` };
}
