import t from 'tap';
import { bearer, createTestServer } from './fakes.js';

const moderate = (payload: object) => ({ method: 'POST' as const, url: '/v1/moderations', headers: bearer(), payload });

t.test('each text has a result of its own, and the parts of one text have one', async (t) => {
  const { app, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  retrieval.embed = async (_tenant, inputs) => ({ vectors: inputs.map(() => new Float32Array(384)), tokens: 1 });
  const response = await app.inject(moderate({ input: ['Write to anna@example.com', 'Good morning', 'Anna is in'] }));
  const { id, model, results } = response.json();
  t.match(id, /^modr-/);
  t.equal(model, 'switchyard-moderation');
  t.equal(results.length, 3);
  const people = results.map(
    ({ categories }: { categories: object }) => ({ ...categories })['personal_data/name' as never],
  );
  t.same(people, [false, false, true]);
  t.match(results[0], {
    flagged: true,
    categories: { 'personal_data/email': true, 'personal_data/iban': false, profanity: false },
    category_scores: { 'personal_data/email': 1, profanity: 0, prompt_injection: Number },
    category_applied_input_types: { profanity: ['text'] },
  });
  t.equal(results[1].flagged, false);
  t.notOk('hate' in results[1].categories, 'nothing is called absent that nobody looks for');
  const parts = [
    { type: 'text', text: 'Good morning.' },
    { type: 'text', text: 'What a shitty day' },
  ];
  const one = await app.inject(moderate({ input: parts, model: 'omni-moderation-latest' }));
  t.match(one.json().results, [{ flagged: true, categories: { profanity: true } }]);
  t.equal(one.json().results.length, 1);
  t.equal(one.headers['x-ignored-parameters'], 'model');
});

t.test('what cannot be looked at is refused by name', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const image = [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }];
  const cases: [object, string][] = [
    [{}, 'input'],
    [{ input: [] }, 'input'],
    [{ input: image }, 'input[0]'],
    [{ input: ['ok', 'word '.repeat(20_000)] }, 'input[1]'],
  ];
  for (const [body, param] of cases) {
    const response = await app.inject(moderate(body));
    t.equal(response.statusCode, 400, response.body);
    t.equal(response.json().error.param, param);
  }
});
