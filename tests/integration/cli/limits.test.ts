import t from 'tap';
import { answerRecord } from '../../fixtures/answer-record.js';
import { ADMIN_KEY } from '../../http/admin-app.js';
import { cliApp } from './cli-app.js';

t.test('limits of a tenant and of a key are set one by one, under the revision that was read', async (t) => {
  const { url, cli, json } = await cliApp(t);
  t.match(await json('limits', 'set', 'bank', '--tokens-per-minute', '1000', '--concurrent-requests', '4'), {
    revision: 1,
    limits: { tokensPerMinute: 1000, concurrentRequests: 4, storedBytes: null },
  });
  t.match(await json('limits', 'set', 'bank', '--concurrent-requests', 'none'), {
    revision: 2,
    limits: { tokensPerMinute: 1000, concurrentRequests: null },
  });
  t.match((await cli('limits', 'show', 'bank')).out, /tokensPerMinute +1000 .*UTC/);
  const [key] = await json('keys', 'list', '--tenant', 'bank');
  t.match(await json('limits', 'set', 'bank', '--for-key', key.id, '--requests-per-minute', '9'), {
    keyId: key.id,
    revision: 1,
  });
  t.match(await json('limits', 'show', 'bank', '--for-key', key.id), { limits: { requestsPerMinute: 9 } });
  t.match(await cli('limits', 'set', 'bank', '--for-key', key.id, '--stored-bytes', '9'), {
    code: 1,
    err: /storedBytes/,
  });
  t.match(await cli('limits', 'set', 'bank', '--tokens-per-minute', 'many'), { code: 2, err: /a number, or none/ });

  const put = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${url}/admin${path}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const stale = await put('/tenants/bank/limits', {}, { 'if-match': '"1"' });
  t.equal(stale.status, 412);
  const fresh = await put('/tenants/bank/limits', {}, { 'if-match': '"2"' });
  t.equal(fresh.headers.get('etag'), '"3"');
  t.match(await (await put('/tenants/bank/limits', { tokens: 5 })).json(), { error: { param: 'tokens' } });
  t.equal((await put(`/tenants/other/keys/${key.id}/limits`, {})).status, 404);
});

t.test('usage is summed up as a table, as JSON and as CSV', async (t) => {
  const { registry, cli, json } = await cliApp(t);
  await registry.recordAnswer(answerRecord({ id: 'a', deployment: '=cmd', createdAt: Date.UTC(2026, 10, 27) }));
  await registry.recordAnswer(answerRecord({ id: 'b', adapter: null, createdAt: Date.UTC(2026, 10, 28) }));
  t.match(
    (await cli('usage', '--by', 'day,version')).out,
    /VERSION +DAY .*\n.*\n.*\ntotal +- +2 +400 +240 +40 +440\n$/,
  );
  t.match(await json('usage', '--from', '2026-11-28', '--tenant', 'bank'), {
    data: [{ tenant: 'bank', answers: 1, totalTokens: 220 }],
    total: { promptTokens: 200, completionTokens: 20 },
  });
  t.equal(
    (await cli('usage', '--by', 'deployment,day', '--csv')).out,
    [
      'deployment,day,answers,promptTokens,cachedTokens,completionTokens,totalTokens',
      "'=cmd,2026-11-27,1,200,120,20,220",
      'assistant,2026-11-28,1,200,120,20,220',
      '',
    ].join('\r\n'),
  );
  t.match(await cli('usage', '--by', 'colour'), { code: 1, err: /group_by: must be some of tenant/ });
  t.match(await cli('usage', '--from', '2026-13-01'), { code: 1, err: /^switchyard: from: / });
});
