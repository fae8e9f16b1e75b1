/**
 * The data folder of an earlier version. `tests/fixtures/upgrade` is what the gateway of commit c46b7e4 (registry of 12 steps, documents of 8)
 * kept after `switchyard init`, two tenants with a key and a deployment each, one document and one question.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { openSqlite } from '../../src/sqlite/open.js';
import { removeDataDir, startGateway, temporaryDataDir } from './gateway-process.js';
import { makeOldRegistry, openTestRegistry } from './registry/open.js';

const FIXTURE = resolve('tests/fixtures/upgrade');
const FACTS = JSON.parse(readFileSync(join(FIXTURE, 'facts.json'), 'utf8')) as {
  readonly keys: { readonly bank: string; readonly shop: string };
  readonly admin: string;
  readonly store: string;
  readonly file: string;
  readonly answer: string;
  readonly usage: { readonly total_tokens: number };
};

t.test('it is opened, and serves what it held', async (t) => {
  const dataDir = temporaryDataDir();
  t.teardown(() => removeDataDir(dataDir));
  for (const name of ['registry.db', 'documents.db']) {
    writeFileSync(join(dataDir, name), gunzipSync(readFileSync(join(FIXTURE, `${name}.gz`))));
  }
  copyFileSync(join(FIXTURE, 'audit-key.pem'), join(dataDir, 'audit-key.pem'));
  const gateway = await startGateway(dataDir, { SWITCHYARD_DEMO: 'false', SWITCHYARD_ENGINE_CONTEXT_TOKENS: '1024' });
  t.teardown(() => gateway.stop());
  const call = async (path: string, key: string = FACTS.keys.bank, body?: object) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const response = await fetch(gateway.url + path, {
      headers,
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as { receipt: { passages: unknown[] } } };
  };

  const file = `/v1/vector_stores/${FACTS.store}/files/${FACTS.file}`;
  t.match(await call(file), { status: 200, body: { status: 'completed', passages: 2, attributes: { topic: 'fees' } } });
  t.match(await call(file, FACTS.keys.shop), { status: 404 }, "another tenant's");
  const before = await call('/v1/usage');
  t.match(before.body, { total: { answers: 1, total_tokens: FACTS.usage.total_tokens }, stored: { passages: 2 } });
  t.match(await call(`/v1/receipts/${FACTS.answer}`), {
    status: 200,
    body: { id: FACTS.answer, deployment: 'assistant' },
  });

  const content = 'What is the yearly fee of the Harbour account?';
  const question = { model: 'assistant', max_tokens: 8, messages: [{ role: 'user', content }], include_receipt: true };
  const answer = await call('/v1/chat/completions', FACTS.keys.bank, question);
  t.match(answer, { status: 200, body: { choices: [{ message: { content: String } }] } });
  t.ok(answer.body.receipt.passages.length > 0, 'from its document');
  t.match((await call('/v1/usage')).body, { total: { answers: 2 } });
  t.match(await call('/admin/tenants', FACTS.admin), { status: 200, body: { data: [{ id: 'bank' }, { id: 'shop' }] } });
});

t.test('a registry that a newer version wrote is left alone, and which one is said', async (t) => {
  const dataDir = t.testdir({});
  await makeOldRegistry(dataDir, '9', [
    `INSERT INTO kysely_migration VALUES ('0999-of-tomorrow', '2027-01-01T00:00:00.000Z')`,
  ]);
  await t.rejects(openTestRegistry(dataDir), {
    code: 'config_invalid',
    message: /registry\.db was written by a newer version \(schema 0999-of-tomorrow.*restore a backup/,
  });
});

t.test('a step that was released behind one with a later number is made up for', async (t) => {
  const dataDir = t.testdir({});
  await makeOldRegistry(dataDir, '9', [
    'DROP TABLE batch_results',
    'DROP TABLE batches',
    `DELETE FROM kysely_migration WHERE name = '0018-batches'`,
  ]);
  const registry = await openTestRegistry(dataDir);
  t.teardown(() => registry.close());
  const database = openSqlite(join(dataDir, 'registry.db'));
  t.teardown(() => void database.close());
  t.same(database.prepare('SELECT count(*) FROM batches').pluck().get(), 0);
});
