import t from 'tap';
import { NEVER } from '../../../fixtures/retrieval/retrieval.js';
import { openService } from '../../../fixtures/retrieval/service.js';

const [NEAR, FAR] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];

t.test('nearness and common words both count, and one score a document comes back in its place', async (t) => {
  const { rows, service } = await openService(t, { vectorOf: (text) => (/fee|price/i.test(text) ? NEAR : FAR) });
  t.teardown(() => rows.db.destroy());
  const documents = ['Opening hours', 'The price of a card', 'The fee of a transfer', ''];
  const { scores, tokens } = await service.rerank({ tenant: 'bank', query: 'transfer fee', documents }, NEVER);
  t.equal(scores.length, 4);
  t.ok(scores.every((score) => score >= 0 && score <= 1));
  t.ok(scores[2]! > scores[1]!, 'its words');
  t.ok(scores[1]! > scores[0]!, 'its meaning');
  t.equal(tokens, 5 * 3, 'of the query and of each document');
});

t.test('of a document that is longer than the embedder reads the best piece counts', async (t) => {
  const lengthOf = (text: string) => text.split(/\s+/).length;
  const { rows, service, asked } = await openService(t, {
    vectorOf: (text) => (text.includes('fee') ? NEAR : FAR),
    tokensOf: lengthOf,
  });
  t.teardown(() => rows.db.destroy());
  const filler = `${'word '.repeat(200)}.\n\n`;
  const long = `${filler}${filler}The fee is 5 EUR.\n\n${filler}`;
  const { scores } = await service.rerank({ tenant: 'bank', query: 'fee', documents: [filler, long] }, NEVER);
  t.ok(asked.embedded > 3, 'several pieces');
  t.ok(scores[1]! > scores[0]!);
});
