import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openGatewayRegistry } from '../../tests/fixtures/gateway/registry.js';
import { removeDataDir, startAsShipped, temporaryDataDir } from '../../tests/integration/gateway-process.js';
import { RANK } from './adapters.js';
import { type Peer, THREADS } from './peer.js';
import { endWith, resumeTree } from './processes.js';

const TENANT = 'bench';
const PACKAGE = path.resolve(import.meta.dirname, '../../package.json');
/** Neither side guesses tokens: llama.cpp does not by default, and answers that cannot end repeat themselves. */
const ENV = {
  SWITCHYARD_DEMO: 'false',
  SWITCHYARD_ENGINE_THREADS: String(THREADS),
  SWITCHYARD_ENGINE_DRAFTING: 'false',
  SWITCHYARD_SERVER_REQUESTS_PER_MINUTE: '1000000',
};

/** Switchyard itself, as `npm start` runs it, over a data folder of its own. */
export const gateway: Pick<Peer, 'name' | 'start'> = {
  name: 'Switchyard',
  async start({ manifest, adapters }) {
    const dataDir = temporaryDataDir();
    const secret = await createKey(dataDir, manifest.id);
    const { url, stop, pid } = await startAsShipped(dataDir, { ...ENV, SWITCHYARD_MODELS_BASE: manifest.id });
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
    const admin = async (method: string, where: string, body: object) => {
      const response = await fetch(`${url}/admin/tenants/${TENANT}/${where}`, {
        method,
        headers,
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`${where}: ${response.status} ${await response.text()}`);
    };
    const retrieval = { enabled: false, topK: 1, minScore: 0, budgetTokens: 1 };
    for (const { name, peftFolder } of adapters) {
      await admin('POST', 'adapters', { name, folder: peftFolder });
      await admin('PUT', `deployments/${name}`, { adapter: name, stableVersion: 1, instructions: '', retrieval });
    }
    const logitBias = Object.fromEntries(manifest.tokenizer.eosIds.map((id) => [id, -100]));
    return {
      pid,
      url,
      headers,
      version: (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version,
      command: `SWITCHYARD_ENGINE_DRAFTING=false SWITCHYARD_ENGINE_THREADS=${THREADS} npm start`,
      fields: (adapter) => ({
        model: adapter === null ? manifest.id : adapters[adapter]!.name,
        logit_bias: logitBias,
      }),
      stop: endWith(
        () => process.kill(pid, 'SIGKILL'),
        async () => {
          resumeTree(pid);
          await stop();
          removeDataDir(dataDir);
        },
      ),
    };
  },
};

/** The first key of a gateway without the sample tenants; all else goes through its API. */
async function createKey(dataDir: string, base: string): Promise<string> {
  const registry = await openGatewayRegistry({ dataDir, base, maxRank: RANK });
  try {
    await registry.createTenant({ id: TENANT, name: 'Benchmark' });
    const { secret } = await registry.createKey({ tenant: TENANT, label: 'bench', scopes: ['inference', 'admin'] });
    return secret;
  } finally {
    await registry.close();
  }
}
