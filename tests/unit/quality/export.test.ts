import t from 'tap';
import type { TrainingExample } from '../../../src/contracts/registry.js';
import { createScrub } from '../../../src/personal-data/scrub.js';
import { exportExamples } from '../../../src/quality/export.js';

const scrub = createScrub(null);

const example = (question: string, answer: string): TrainingExample => ({
  messages: [{ role: 'user', content: question }],
  answer,
  answerId: 'a1',
  deployment: 'assistant',
  adapter: 'support@1',
  adapterDigest: 'abc',
  documents: ['f1'],
  author: 'key_1',
  reviewer: 'key_2',
  labels: ['wrong'],
  labelSchema: 1,
  createdAt: 5_000,
});

async function exported(examples: Iterable<TrainingExample>) {
  const lines: string[] = [];
  const all = (async function* () {
    yield* examples;
  })();
  for await (const line of exportExamples('bank', all, scrub, new AbortController().signal)) {
    lines.push(line);
  }
  return lines;
}

t.test('an example is a line in the shape of chat fine-tuning, with where it comes from', async (t) => {
  const [line] = await exported([example('What is the fee?', 'It is £5.')]);
  t.ok(line!.endsWith('}\n'));
  t.same(JSON.parse(line!), {
    messages: [
      { role: 'user', content: 'What is the fee?' },
      { role: 'assistant', content: 'It is £5.' },
    ],
    metadata: {
      answer_id: 'a1',
      deployment: 'assistant',
      adapter: 'support@1',
      adapter_digest: 'abc',
      documents: ['f1'],
      author: 'key_1',
      reviewer: 'key_2',
      labels: ['wrong'],
      label_schema: 1,
      consent: 'tenant',
      created: 5,
    },
  });
});

t.test('what says the same is exported once', async (t) => {
  const lines = await exported([
    example('What is the fee?', 'It is £5.'),
    example('what is  the fee?', 'It is £5.'),
    example('What is the fee?', 'It is £6.'),
  ]);
  t.equal(lines.length, 2);
});

t.test('personal data is blanked out, and what is none is not', async (t) => {
  const [line] = await exported([
    example(
      'I am anna.b@example.org, call 0345 610 7720 or +44 20 7946 0958.',
      'Card 4929 1234 5678 9015 of GB29 NWBK 6016 1331 9268 19 costs £1,499 from 2024 to 2026, 30 days, 4.05%.',
    ),
  ]);
  const { messages } = JSON.parse(line!);
  t.equal(messages[0].content, 'I am [email], call [phone] or [phone].');
  t.equal(messages[1].content, 'Card [card] of [iban] costs £1,499 from 2024 to 2026, 30 days, 4.05%.');
});

t.test('ten thousand examples take no more memory than their digests', async (t) => {
  const many = (function* () {
    for (let n = 0; n < 10_000; n++) yield example(`Question ${n}?`, 'x'.repeat(2000));
  })();
  let count = 0;
  const before = process.memoryUsage().heapUsed;
  let most = 0;
  const all = (async function* () {
    yield* many;
  })();
  for await (const _ of exportExamples('bank', all, scrub, new AbortController().signal)) {
    count += 1;
    if (count % 1000 === 0) most = Math.max(most, process.memoryUsage().heapUsed - before);
  }
  t.equal(count, 10_000);
  t.ok(most < 64 * 1024 * 1024, `${most} bytes`);
});
