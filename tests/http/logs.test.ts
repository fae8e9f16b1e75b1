import { readFileSync } from 'node:fs';
import t from 'tap';
import { adminApp, deployment } from './admin-app.js';
import { bearer, createTestServer, KEY, passage } from './fakes.js';

/** Names of all fields of the lines that these tests looked at. */
const seen = new Set<string>();

t.test('no log line and no metric holds a prompt, a passage, an answer or a key', async (t) => {
  const lines: string[] = [];
  const { app, engine, retrieval, metrics } = await createTestServer({ onLogLine: (line) => lines.push(line) });
  t.teardown(() => app.close());
  retrieval.passages.set('bank', [passage('p', 'PASSAGE-SECRET', 0.9)]);
  engine.answer(['ANSWER-SECRET']);
  const secret = [{ role: 'user', content: 'PROMPT-SECRET' }];
  const url = '/v1/chat/completions';
  const bodies = [
    { model: 'assistant', messages: secret },
    { model: 'assistant', messages: secret, stream: true },
    { model: 'assistant', messages: secret, temperature: 'PROMPT-SECRET' },
    { model: 'PROMPT-SECRET', messages: secret },
  ];
  for (const payload of bodies) await app.inject({ method: 'POST', url, headers: bearer(), payload });
  const headers = { ...bearer(), 'content-type': 'application/json' };
  await app.inject({ method: 'POST', url, headers, payload: '{"messages": "PROMPT-SECRET' });
  await app.inject({ method: 'POST', url, headers: bearer('sk-KEY-SECRET'), payload: bodies[0]! });

  const completed = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request completed');
  t.same(
    completed.map(({ status }) => status),
    [200, 200, 400, 404, 400, 401],
  );
  t.match(completed[0], { method: 'POST', route: url, tenant: 'bank', keyId: 'key-1', reqId: String });
  const written = lines.join('') + (await metrics.render());
  t.notMatch(written, 'SECRET');
  t.notMatch(written, KEY);
});

t.test('the line of a request names its answer, by which version, and of an error its code', async (t) => {
  const lines: string[] = [];
  const { app, engine, retrieval } = await createTestServer({ onLogLine: (line) => lines.push(line) });
  t.teardown(() => app.close());
  retrieval.passages.set('bank', [passage('p', 'The fee is 5 EUR.', 0.9)]);
  engine.answer(['5', ' EUR']);
  const ask = (body: object) =>
    app.inject({ method: 'POST', url: '/v1/chat/completions', headers: bearer(), payload: body });
  const messages = [{ role: 'user', content: 'Fee?' }];
  const json = (await ask({ model: 'assistant', messages })).json();
  const streamed = (await ask({ model: 'assistant@2', messages, stream: true })).body;
  await ask({ model: 'nothing', messages });
  const feedback = { answer_id: json.id, rating: 'up' };
  await app.inject({ method: 'POST', url: '/v1/feedback', headers: bearer(), payload: feedback });
  await app.inject({ url: '/v1/models/what%20a%20client%20wrote', headers: bearer() });
  await app.inject({ url: `/v1/receipts/${json.id}`, headers: bearer() });

  const [first, second, refused, rated, strange, receipt] = completedOf(lines);
  const tokens = { finishReason: 'stop', promptTokens: 7, completionTokens: 2 };
  t.same(first.answer, { id: json.id, deployment: 'assistant', adapter: 'support@1', arm: 'stable', ...tokens });
  t.match(second.answer, { id: /^chatcmpl-/, deployment: 'assistant', adapter: 'support@2', arm: 'pinned', ...tokens });
  t.match(streamed, second.answer.id);
  t.match(refused, { status: 404, code: 'model_not_found', answer: undefined });
  t.match(rated, { status: 200, subject: { answer: json.id } });
  t.same([strange.subject, strange.code], [undefined, 'model_not_found'], 'what is no id is not logged');
  t.same(receipt.subject, { receipt: json.id });
});

t.test('the line of a change names what was changed, and what it came to', async (t) => {
  const lines: string[] = [];
  const { root, call } = await adminApp(t, { onLogLine: (line) => lines.push(line) });
  for (const folder of ['one', 'two']) {
    await call('POST', '/tenants/bank/adapters', { name: 'support', folder: `${root}/${folder}` });
  }
  const path = '/tenants/bank/deployments/assistant';
  await call('PUT', path, deployment);
  await call('POST', `${path}/canary`, { version: 2, weight: 10 });
  await call('POST', `${path}/promote`);
  const { body: key } = await call('POST', '/tenants/bank/keys', { label: 'app', scopes: ['inference'] });
  await call('DELETE', `/tenants/bank/keys/${key.id}`);
  await call('DELETE', '/tenants/bank/users/alice@example.com/answers');
  await call('PUT', '/tenants/bank/adapters/support/aliases/newest', { version: 2 });
  await call('PUT', '/tenants/bank/adapters/support/versions/1/status', { status: 'quarantined' });

  const subject = { tenant: 'bank', deployment: 'assistant' };
  const served = (revision: number, stableVersion: number, canaryVersion: number | null, canaryWeight: number) => ({
    ...{ revision, stableVersion, canaryVersion, canaryWeight },
  });
  const [, added, put, canary, promoted, made, revoked, forgotten, alias, judged] = completedOf(lines);
  t.match(added, { subject: { tenant: 'bank' }, result: { adapter: 'support@2', digest: String } });
  t.match(put, { subject, result: served(1, 1, null, 0) });
  t.match(canary, { subject, result: served(2, 1, 2, 10) });
  t.match(promoted, { route: /promote$/, tenant: 'bank', keyId: String, subject, result: served(3, 2, null, 0) });
  t.match(made, { result: { id: key.id } });
  t.match(revoked, { subject: { tenant: 'bank', key: key.id } });
  t.same(forgotten.subject, { tenant: 'bank' });
  t.match(alias, { status: 200, result: { version: 2, revision: 1 } });
  t.match(judged, { status: 200, subject: { adapter: 'support' }, result: { status: 'quarantined' } });
  t.notMatch(lines.join(''), 'alice', 'whom a client calls its user is personal data');
  t.notMatch(lines.join(''), key.secret);
});

t.test('what a line holds is in the table of docs/operations.md', async (t) => {
  const page = readFileSync('docs/operations.md', 'utf8').split('## Logs')[1]!.split('\n## ')[0]!;
  const documented = new Set([...page.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  t.ok(documented.has('reqId') && documented.has('canaryWeight'));
  t.not(seen.size, 0);
  t.same(
    [...seen].filter((name) => !documented.has(name)),
    ['msg'],
  );
});

function completedOf(lines: readonly string[]) {
  const completed = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request completed');
  for (const line of completed) {
    for (const part of [line, line.answer, line.subject, line.result]) {
      for (const name of Object.keys(part ?? {})) seen.add(name);
    }
  }
  return completed;
}
