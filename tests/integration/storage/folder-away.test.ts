import { renameSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI, { toFile } from 'openai';
import t from 'tap';
import { loadConfig } from '../../../src/config/load.js';
import { keyOf, registerTenants } from '../../fixtures/gateway/gateway.js';
import { removeDataDir, startGateway, temporaryDataDir } from '../gateway-process.js';

const ENV = { SWITCHYARD_DEMO: 'false', SWITCHYARD_MODELS_BASE: 'smollm2-135m-instruct' };

t.test(
  'a data folder that goes away is told and nothing is acknowledged; once it is back, everything goes on',
  async (t) => {
    const dataDir = temporaryDataDir();
    const away = `${dataDir}-away`;
    t.teardown(() => removeDataDir(dataDir));
    await registerTenants(loadConfig({ env: { ...ENV, SWITCHYARD_DATA: dataDir } }));
    const gateway = await startGateway(dataDir, ENV);
    t.teardown(() => gateway.stop());
    const client = new OpenAI({ apiKey: keyOf('bank'), baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    const readiness = async () =>
      (await fetch(`${gateway.url}/readyz`)).json() as Promise<{ status: string; checks: object }>;
    const until = async (status: string) => {
      for (;;) {
        const found = await readiness();
        if (found.status === status) return found;
        await sleep(50);
      }
    };
    const upload = async (text: string) =>
      client.files.create({ file: await toFile(Buffer.from(text), 'a.md'), purpose: 'assistants' });
    const store = await client.vectorStores.create({ name: 'x' });
    const kept = await upload('# Fees\n\nThe fee is 5 EUR.\n');

    const answer = { model: 'assistant', messages: [{ role: 'user' as const, content: 'Hi' }], max_tokens: 2 };
    // From now on its adapter is in memory.
    await client.chat.completions.create(answer);

    renameSync(dataDir, away);
    t.match(await until('degraded'), { checks: { storage: { ready: false, reason: 'the data folder is not there' } } });
    t.match(await upload('lost?').catch((error) => error), { status: 503, code: 'storage_unavailable' });
    t.equal((await client.chat.completions.create(answer)).usage?.completion_tokens, 2);

    renameSync(away, dataDir);
    await until('ready');
    const attached = await client.vectorStores.files.createAndPoll(store.id, { file_id: kept.id });
    t.equal(attached.status, 'completed');
    t.match((await client.vectorStores.search(store.id, { query: 'fee' })).data, [{ file_id: kept.id }]);
    t.ok(await upload('# More\n\nText.\n'));
    t.equal(await gateway.stop(), 0);
  },
);
