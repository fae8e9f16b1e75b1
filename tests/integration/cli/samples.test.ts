import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { cliApp } from './cli-app.js';

const BANK = 'northwind-bank';

t.test('the samples of an older release answer by the newer adapters after one command', async (t) => {
  process.env.SWITCHYARD_MODELS_BASE = 'smollm2-135m-instruct';
  t.teardown(() => delete process.env.SWITCHYARD_MODELS_BASE);
  const { registry, cli, json, root } = await cliApp(t);
  const old = async (tenant: string, weights: string) => {
    writeFileSync(join(root, 'weights'), weights);
    await registry.addAdapter({ tenant, name: tenant, folder: root });
  };
  const retrieval = { enabled: false, topK: 1, minScore: 0, budgetTokens: 100 };
  for (const tenant of [BANK, 'copilot']) await registry.createTenant({ id: tenant, name: tenant });
  for (const weights of ['old stable', 'old canary']) await old(BANK, weights);
  await old('copilot', 'old');
  const bank = { tenant: BANK, name: 'assistant', adapter: BANK, stableVersion: 1, instructions: 'Ours.', retrieval };
  await registry.putDeployment(bank);
  await registry.setCanary(BANK, 'assistant', { version: 2, weight: 0 });
  // Somebody has the base answer there.
  await registry.putDeployment({ ...bank, tenant: 'copilot', adapter: null, stableVersion: null });

  t.same(await json('samples', 'update'), [
    { tenant: BANK, adapter: `${BANK}@3`, assistant: 'stable' },
    { tenant: BANK, adapter: `${BANK}@4`, assistant: 'canary' },
    { tenant: 'copilot', adapter: 'copilot@2', assistant: 'left alone' },
  ]);
  t.match(await registry.getDeployment(BANK, 'assistant'), {
    stableVersion: 3,
    canaryVersion: 4,
    canaryWeight: 0,
    instructions: 'Ours.',
  });
  t.match(await registry.getDeployment('copilot', 'assistant'), { adapter: null });
  t.same(await json('samples', 'update'), [], 'and then there is nothing newer');
  await cli('deployments', 'set', 'assistant', '--tenant', BANK, '--adapter', `${BANK}@1`);
  t.match(await registry.getDeployment(BANK, 'assistant'), { stableVersion: 1 }, 'the way back');
});
