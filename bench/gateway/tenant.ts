import { loadConfig } from '../../src/config/load.js';
import type { TenantLimits } from '../../src/contracts/quota.js';
import { openGatewayRegistry } from '../../tests/fixtures/gateway/registry.js';

/** One tenant with limits, a deployment `assistant` of the base, and two keys, in a data folder that no gateway has opened. */
export async function registerTenant(
  dataDir: string,
  env: Readonly<Record<string, string>>,
  limits: Partial<TenantLimits>,
): Promise<{ readonly key: string; readonly adminKey: string }> {
  const config = loadConfig({ env: { ...env, SWITCHYARD_DATA: dataDir } });
  const registry = await openGatewayRegistry({
    dataDir: config.dataDir,
    base: config.models.base,
    maxRank: config.engine.maxAdapterRank,
  });
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  await registry.putLimits({ tenant: 'bank', keyId: null, limits });
  const retrieval = { enabled: false, topK: 3, minScore: 0, budgetTokens: 640 };
  await registry.putDeployment({
    tenant: 'bank',
    name: 'assistant',
    adapter: null,
    stableVersion: null,
    instructions: 'Be brief.',
    retrieval,
  });
  const { secret: key } = await registry.createKey({ tenant: 'bank', label: 'bench', scopes: ['inference'] });
  const { secret: adminKey } = await registry.createKey({ tenant: 'bank', label: 'admin', scopes: ['admin'] });
  await registry.close();
  return { key, adminKey };
}
