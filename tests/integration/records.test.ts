/** What a gateway keeps of its answers, however it ends: a process of its own that is stopped, or killed. */
import { join } from 'node:path';
import OpenAI from 'openai';
import t, { type Test } from 'tap';
import { loadConfig } from '../../src/config/load.js';
import { Sqlite } from '../../src/sqlite/open.js';
import { keyOf, registerTenants } from '../fixtures/gateway/gateway.js';
import { removeDataDir, startGateway, temporaryDataDir } from './gateway-process.js';

const ENV = {
  SWITCHYARD_DEMO: 'false',
  SWITCHYARD_MODELS_BASE: 'smollm2-135m-instruct',
  SWITCHYARD_ENGINE_CONTEXT_TOKENS: '1024',
  SWITCHYARD_SERVER_LOG_LEVEL: 'info',
};
const REQUEST = {
  model: 'assistant',
  messages: [{ role: 'user' as const, content: 'What does a transfer cost?' }],
  max_tokens: 2,
};

async function setUp(t: Test) {
  const dataDir = temporaryDataDir();
  t.teardown(() => removeDataDir(dataDir));
  await registerTenants(loadConfig({ env: { ...ENV, SWITCHYARD_DATA: dataDir } }));
  const gateway = await startGateway(dataDir, ENV);
  t.teardown(() => gateway.stop());
  const client = new OpenAI({ apiKey: keyOf('bank'), baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  /** What another process finds on the disk. */
  const stored = <T>(sql: string): T[] => {
    const database = new Sqlite(join(dataDir, 'registry.db'), { readonly: true });
    try {
      return database.prepare(sql).all() as T[];
    } finally {
      database.close();
    }
  };
  const storedIds = () => stored<{ id: string }>('select id from answers').map(({ id }) => id);
  const ask = async () => (await client.chat.completions.create(REQUEST)).id;
  return { gateway, client, stored, storedIds, ask };
}

t.test('a stop right behind the last answers loses no record, and a rating finds its answer at once', async (t) => {
  const { gateway, client, stored, ask } = await setUp(t);
  const rate = (answer_id: string) => client.post('/feedback', { body: { answer_id, rating: 'up' } });
  const ids = [await ask()];
  await rate(ids[0]!);
  const stream = await client.chat.completions.create({ ...REQUEST, stream: true });
  for await (const { id, choices } of stream) {
    if (!choices[0]?.finish_reason) continue;
    ids.push(id);
    // Before the stream has ended.
    await rate(id);
  }
  ids.push(...(await Promise.all([ask(), ask(), ask(), ask()])));
  t.equal(await gateway.stop('SIGTERM'), 0);
  t.match(gateway.output(), /as measured before/, 'the tests have a calibration, by the key that is looked for');
  t.match(gateway.output(), /"signal":"SIGTERM","msg":"asked to stop: .*"}\n(.*\n)*.*"msg":"stopped"}/);

  const records = stored<{ id: string; outcome: string; completion_tokens: number; prompt_tokens: number }>(
    'select * from answers',
  );
  t.same(records.map(({ id }) => id).sort(), ids.toSorted());
  for (const record of records) t.match(record, { outcome: 'completed', completion_tokens: 2 });
  t.ok(records.every(({ prompt_tokens }) => prompt_tokens > 0));
  const ratings = stored<{ answer_id: string; rating: string }>('select * from feedback order by rowid');
  t.match(
    ratings,
    ids.slice(0, 2).map((answer_id) => ({ answer_id, rating: 'up' })),
  );
});

t.test('kill -9 takes the records of the last moment with it, and none before', async (t) => {
  const { gateway, stored, storedIds, ask } = await setUp(t);
  const kept = await Promise.all([ask(), ask(), ask()]);
  while (storedIds().length < kept.length) await new Promise(setImmediate);
  const last = await ask();
  t.equal(await gateway.stop('SIGKILL'), null);

  const ids = storedIds();
  t.same(ids.filter((id) => id !== last).sort(), kept.toSorted());
  t.match(stored('pragma integrity_check'), [{ integrity_check: 'ok' }]);
});
