import { renameSync } from 'node:fs';
import t from 'tap';
import { removeDataDir, temporaryDataDir } from '../gateway-process.js';
import { gatewayOn } from './gateway-on.js';

t.test(
  'a data folder that goes away is told and nothing is acknowledged; once it is back, everything goes on',
  async (t) => {
    const dataDir = temporaryDataDir();
    const away = `${dataDir}-away`;
    t.teardown(() => removeDataDir(dataDir));
    const { gateway, client, until, upload, ask } = await gatewayOn(t, dataDir);
    const store = await client.vectorStores.create({ name: 'x' });
    const kept = await upload('# Fees\n\nThe fee is 5 EUR.\n');

    // From now on its adapter is in memory.
    await ask('Hi');

    renameSync(dataDir, away);
    t.match(await until('degraded'), { checks: { storage: { ready: false, reason: 'the data folder is not there' } } });
    t.match(await upload('lost?').catch((error) => error), { status: 503, code: 'storage_unavailable' });
    t.equal((await ask('Hi')).usage?.completion_tokens, 2);

    renameSync(away, dataDir);
    await until('ready');
    const attached = await client.vectorStores.files.createAndPoll(store.id, { file_id: kept.id });
    t.equal(attached.status, 'completed');
    t.match((await client.vectorStores.search(store.id, { query: 'fee' })).data, [{ file_id: kept.id }]);
    t.ok(await upload('# More\n\nText.\n'));
    t.equal(await gateway.stop(), 0);
  },
);
