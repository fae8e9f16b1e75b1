import t from 'tap';
import { answerRecord } from '../fixtures/answer-record.js';
import { adminApp } from './admin-app.js';

t.test('a tenant sees what it used, keeps and may use, and nothing of another one', async (t) => {
  const retrieval = { stored: async (tenant: string) => ({ bytes: tenant === 'bank' ? 70 : 9, passages: 3 }) };
  const { app, registry } = await adminApp(t, { retrieval: retrieval as never });
  await registry.createTenant({ id: 'shop', name: 'Shop' });
  await registry.putLimits({ tenant: 'bank', keyId: null, limits: { tokensPerMonth: 5000, storedPassages: 9 } });
  const key = async (tenant: string, groups: string[] = []) =>
    registry.createKey({ tenant, label: 'x', scopes: ['inference'], groups });
  const [bank, narrow, shop] = [await key('bank'), await key('bank', ['hr']), await key('shop')];
  const used = { promptTokens: 10, cachedTokens: 4, completionTokens: 1, createdAt: Date.UTC(2026, 10, 1) };
  const answers = [
    answerRecord({ ...used, id: 'a', keyId: bank.id }),
    answerRecord({ ...used, id: 'b', keyId: narrow.id, adapter: null, createdAt: Date.UTC(2026, 10, 2) }),
    answerRecord({ ...used, id: 'c', keyId: shop.id, tenant: 'shop', promptTokens: 1000 }),
  ];
  for (const answer of answers) await registry.recordAnswer(answer);
  const usage = async ({ secret }: { secret: string }, query = '') => {
    const headers = { authorization: `Bearer ${secret}` };
    return (await app.inject({ url: `/v1/usage${query}`, headers })).json();
  };

  const one = { prompt_tokens: 10, cached_tokens: 4, completion_tokens: 1, total_tokens: 11 };
  t.match(await usage(bank), {
    object: 'usage',
    data: [],
    total: { answers: 2, total_tokens: 22 },
    stored: { bytes: 70, passages: 3 },
    limits: { tokens_per_month: 5000, stored_passages: 9, tokens_per_minute: null },
  });
  t.same((await usage(bank, '?group_by=day,version')).data, [
    { version: 'base', day: '2026-11-02', answers: 1, ...one },
    { version: 'support@1', day: '2026-11-01', answers: 1, ...one },
  ]);
  t.match(await usage(bank, '?from=2026-11-02'), { total: { answers: 1 } });
  t.match(await usage(narrow, `?key=${bank.id}`), { total: { answers: 1, total_tokens: 11 } }, 'its own alone');
  t.match(await usage(shop), { total: { answers: 1, prompt_tokens: 1000 }, limits: { tokens_per_month: null } });
  t.match(await usage(shop, `?key=${bank.id}`), { total: { answers: 0 } }, "another tenant's key is nobody's");
  t.match(await usage(bank, '?tenant=shop'), { error: { code: 'unsupported_parameter', param: 'tenant' } });
  t.match(await usage(bank, '?group_by=tenant'), { error: { code: 'invalid_value', param: 'group_by' } });
});
