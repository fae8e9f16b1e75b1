import t from 'tap';
import { bearer, createTestServer } from './fakes.js';

const rerank = (payload: object) => ({
  method: 'POST' as const,
  url: '/v1/rerank',
  headers: bearer(),
  payload: { model: 'embedder', query: 'fee', ...payload },
});
const DOCUMENTS = ['Opening hours on Sundays.', { text: 'The fee is 5 EUR.' }, 'Cards.'];

t.test('documents come back best first, with their place in the request, as many as were asked for', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const all = (await app.inject(rerank({ documents: DOCUMENTS }))).json();
  t.match(all, { id: /^rerank-/, object: 'list', model: 'embedder', usage: { total_tokens: 3 } });
  t.same(
    all.results.map(({ index }: { index: number }) => index),
    [1, 2, 0],
  );
  t.notOk('document' in all.results[0]);
  const best = (await app.inject(rerank({ documents: DOCUMENTS, top_n: 1, return_documents: true }))).json();
  t.same(best.results, [{ index: 1, relevance_score: 0.9, document: { text: 'The fee is 5 EUR.' } }]);
});

t.test('what cannot be ranked is refused by name', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const cases: [object, number, object][] = [
    [{ documents: [] }, 400, { param: 'documents' }],
    [{ documents: ['a', ''] }, 400, { param: 'documents[1]' }],
    [{ documents: ['x'.repeat(32_769)] }, 400, { param: 'documents[0]' }],
    [{ documents: ['a'], top_n: 0 }, 400, { param: 'top_n' }],
    [{ documents: ['a'], max_tokens_per_doc: 5 }, 400, { code: 'unsupported_parameter', param: 'max_tokens_per_doc' }],
    [{ documents: ['a'], model: 'assistant' }, 404, { code: 'model_not_found' }],
  ];
  for (const [body, status, error] of cases) {
    const response = await app.inject(rerank(body));
    t.equal(response.statusCode, status, response.body);
    t.match(response.json().error, error);
  }
});
