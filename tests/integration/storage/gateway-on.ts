import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI, { toFile } from 'openai';
import type { Test } from 'tap';
import { loadConfig } from '../../../src/config/load.js';
import { keyOf, registerTenants } from '../../fixtures/gateway/gateway.js';
import { readSamples, total } from '../../http/exposition.js';
import { startGateway } from '../gateway-process.js';

const ENV = {
  SWITCHYARD_DEMO: 'false',
  SWITCHYARD_MODELS_BASE: 'smollm2-135m-instruct',
  SWITCHYARD_METRICS_LOCAL_WITHOUT_KEY: 'true',
};

/** A gateway whose data folder is about to get into trouble, and what its tenant and its operator ask of it. It ends before the folder does. */
export async function gatewayOn(t: Test, dataDir: string) {
  await registerTenants(loadConfig({ env: { ...ENV, SWITCHYARD_DATA: dataDir } }));
  const gateway = await startGateway(dataDir, ENV);
  t.teardown(() => gateway.stop());
  const client = new OpenAI({ apiKey: keyOf('bank'), baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  const get = async (path: string) => (await fetch(gateway.url + path)).text();
  const readiness = async () => JSON.parse(await get('/readyz'));
  return {
    gateway,
    client,
    readiness,
    metric: async (name: string, labels = {}) => total(readSamples(await get('/metrics')), name, labels),
    async until(status: string) {
      for (;;) {
        const found = await readiness();
        if (found.status === status) return found;
        await sleep(50);
      }
    },
    upload: async (text: string) =>
      client.files.create({ file: await toFile(Buffer.from(text), 'a.md'), purpose: 'assistants' }),
    ask: (content: string) =>
      client.chat.completions.create({ model: 'assistant', messages: [{ role: 'user', content }], max_tokens: 2 }),
  };
}
