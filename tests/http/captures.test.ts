import t from 'tap';
import type { Captures } from '../../src/contracts/captures.js';
import { bearer, createTestServer } from './fakes.js';

t.test('texts are offered to be kept with who asked, and purged documents are told of', async (t) => {
  const offered: unknown[][] = [];
  const forgotten: unknown[][] = [];
  const captures = {
    capture: (...args: unknown[]) => offered.push(args),
    forgetDocuments: async (...args: unknown[]) => forgotten.push(args),
  } as unknown as Captures;
  const { app, registry } = await createTestServer({ captures });
  t.teardown(() => app.close());
  const payload = { model: 'assistant', user: 'anna', messages: [{ role: 'user', content: 'What is the fee?' }] };
  const { id } = (await app.inject({ method: 'POST', url: '/v1/chat/completions', headers: bearer(), payload })).json();
  t.match(offered, [[{ id, tenant: registry.answers[0]!.tenant }, { question: 'What is the fee?' }, 'anna']]);
  await app.inject({ method: 'POST', url: '/v1/files/purge', headers: bearer(), payload: { file_ids: ['file-1'] } });
  t.same(forgotten, [[registry.answers[0]!.tenant, ['file-1']]]);
});
