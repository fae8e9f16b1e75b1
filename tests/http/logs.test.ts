import t from 'tap';
import { bearer, createTestServer, KEY, passage } from './fakes.js';

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
